import { DatabaseOnRds, POLL_MS, setUp } from '../support/aws-recovery';
import { describeRecoveryContract } from './recovery.contract';

const onRds = (place: unknown): DatabaseOnRds => {
  if (place instanceof DatabaseOnRds) return place;
  throw new TypeError('opened by somebody else');
};

describeRecoveryContract(
  'RdsRecovery',
  async () => {
    const { rds, recovery, application } = setUp();
    return {
      recovery,
      write: async (mark) => application.commit(mark),
      writeInto: async (instance, mark) => onRds(instance).commit(mark),
      marksIn: async (place) => (place === 'serving' ? application : onRds(place)).marks(),
      now: () => rds.time.now(),
      pause: () => rds.time.sleep(POLL_MS),
      dispose: async () => undefined,
    };
  },
  { holdsData: true, recoversToLsn: false, granuleMs: 1_000 },
);
