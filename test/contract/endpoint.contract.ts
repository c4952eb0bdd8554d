/** What every endpoint promises: writes stop at the fence, and another instance takes over behind the same URL. */
import type { Database } from '../../lambda/ports/database';
import type { Endpoint } from '../../lambda/ports/endpoint';

export interface EndpointUnderTest {
  readonly endpoint: Endpoint;
  /** Opened by the application's URL, as it was before everything. */
  readonly application: Database;
  /** Commits a mark as the application does; rejects where writes are refused. */
  write(mark: string): Promise<void>;
  marks(): Promise<readonly string[]>;
  /** Holds a session of the application open; answers whether it can still write. */
  openSession(): Promise<{ tryWrite(mark: string): Promise<boolean>; close(): Promise<void> }>;
  /** Makes an instance of the database as it is now, ready to be cut over to. */
  makeInstance(name: string): Promise<void>;
  /** Between two calls: lets time pass, real or not. */
  pause(): Promise<void>;
  dispose(): Promise<void>;
}

/** What not every endpoint can do: some know their server from outside only. */
export interface EndpointPowers {
  readonly cutsOver: boolean;
  /** Since when and why it is fenced. */
  readonly remembersFence: boolean;
}

const MOST_CALLS = 1_000;

export function describeEndpointContract(
  name: string,
  make: () => Promise<EndpointUnderTest>,
  powers: EndpointPowers = { cutsOver: true, remembersFence: true },
): void {
  describe(`${name} keeps the promises of an endpoint`, () => {
    let under: EndpointUnderTest;
    let endpoint: Endpoint;

    beforeAll(async () => {
      under = await make();
      endpoint = under.endpoint;
    }, 60_000);
    afterAll(() => under?.dispose());
    afterEach(() => endpoint.unfence());

    it('serves at first', async () => {
      expect(await endpoint.inspect()).toEqual({ state: 'serving' });
    });

    it('refuses writes while it is fenced, and still answers reads', async () => {
      await under.write('before-fence');
      await endpoint.fence('a test');
      await expect(under.write('behind-fence')).rejects.toThrow();
      expect(await under.marks()).toContain('before-fence');
      expect(await under.marks()).not.toContain('behind-fence');
    });

    it('says that it is fenced', async () => {
      await endpoint.fence('a test');
      expect(await endpoint.inspect()).toMatchObject({ state: 'fenced' });
    });

    if (powers.remembersFence) {
      it('says since when and why it is fenced', async () => {
        await endpoint.fence('validation failed');
        expect(await endpoint.inspect()).toEqual({
          state: 'fenced',
          since: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          reason: 'validation failed',
        });
      });
    }

    it('ends sessions that were open before the fence', async () => {
      const session = await under.openSession();
      try {
        expect(await session.tryWrite('open-before')).toBe(true);
        await endpoint.fence('a test');
        expect(await session.tryWrite('open-behind')).toBe(false);
      } finally {
        await session.close();
      }
      expect(await under.marks()).not.toContain('open-behind');
    });

    it('takes writes again once the fence is gone', async () => {
      await endpoint.fence('a test');
      await endpoint.unfence();
      await under.write('after-fence');
      expect(await endpoint.inspect()).toEqual({ state: 'serving' });
    });

    it('minds neither a second fence nor a second removal', async () => {
      await endpoint.unfence();
      await endpoint.fence('first');
      const first = await endpoint.inspect();
      await endpoint.fence('second');
      expect(await endpoint.inspect()).toEqual(first);
      await endpoint.unfence();
      await endpoint.unfence();
      expect(await endpoint.inspect()).toEqual({ state: 'serving' });
    });

    if (!powers.cutsOver) return;

    it('puts an instance behind the same URL, without what came after it and without the fence', async () => {
      await under.write('in-instance');
      await under.makeInstance('replacement');
      await under.write('lost-by-cut-over');
      await endpoint.fence('going back');
      await cutOver(under, 'replacement', 'kept-1');
      expect(await endpoint.inspect()).toEqual({ state: 'serving' });
      expect(await under.marks()).toContain('in-instance');
      expect(await under.marks()).not.toContain('lost-by-cut-over');
      await under.write('after-cut-over');
    });

    it('minds no second cut-over to the same instance', async () => {
      await under.makeInstance('replacement-2');
      await cutOver(under, 'replacement-2', 'kept-2');
      await under.write('after-first');
      expect(await endpoint.cutOver('replacement-2', 'kept-2')).toBe('passed');
      expect(await under.marks()).toContain('after-first');
    });

    it('stays where it is when there is no such instance', async () => {
      await under.write('still-here');
      await expect(cutOver(under, 'nowhere', 'kept-3')).rejects.toThrow(/nowhere/);
      expect(await endpoint.inspect()).toEqual({ state: 'serving' });
      expect(await under.marks()).toContain('still-here');
    });
  });
}

async function cutOver(under: EndpointUnderTest, instance: string, keepAs: string): Promise<void> {
  for (let calls = 0; calls < MOST_CALLS; calls += 1) {
    if ((await under.endpoint.cutOver(instance, keepAs)) === 'passed') return;
    await under.pause();
  }
  throw new Error(`the cut-over to ${instance} is never done`);
}
