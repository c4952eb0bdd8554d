import { recoveryOnCluster } from '../support/cluster-marks';
import { describeRecoveryContract } from './recovery.contract';

describeRecoveryContract('EmbeddedRecovery', () => recoveryOnCluster());
