import { EmbeddedEndpoint } from '../../lambda/adapters/embedded/endpoint';
import { applicationSession, recoveryOnCluster } from '../support/cluster-marks';
import { describeEndpointContract } from './endpoint.contract';
import { readyInstance, readyRestorePoint } from './recovery.contract';

describeEndpointContract('EmbeddedEndpoint', async () => {
  const under = await recoveryOnCluster();
  return {
    endpoint: new EmbeddedEndpoint(under.on.cluster),
    application: under.on.database,
    write: async (mark) => {
      const session = await applicationSession(under.on.url);
      try {
        await session.write(mark);
      } finally {
        await session.close();
      }
    },
    marks: () => under.marksIn('serving'),
    openSession: async () => {
      const session = await applicationSession(under.on.url);
      return {
        close: session.close,
        tryWrite: (mark) =>
          session.write(mark).then(
            () => true,
            () => false,
          ),
      };
    },
    makeInstance: async (name) => {
      await readyRestorePoint(under, `for-${name}`);
      await readyInstance(under, name, { kind: 'restore-point', name: `for-${name}` });
    },
    pause: under.pause,
    dispose: under.dispose,
  };
});
