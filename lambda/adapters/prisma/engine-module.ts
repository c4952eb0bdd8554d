/** Gives Prisma's schema engine as a class, instantiated by hand from the bytes of its WebAssembly module. */
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg';
import { detachMemory, instantiate as instantiateModule, type WasmExports } from './web-assembly';

export type LoadWasm = () => Promise<Uint8Array>;
export type EngineClass = typeof glue.SchemaEngine;
export type Engine = glue.SchemaEngine;

interface LoadedEngine {
  readonly Engine: EngineClass;
  readonly exports: WasmExports;
}

/** The glue code holds one instance for the whole process, so there is one promise of it, whoever loads first. */
let loaded: Promise<LoadedEngine> | undefined;

/** A failed load is not remembered: the next call tries again. */
export async function engineClass(loadWasm: LoadWasm): Promise<EngineClass> {
  loaded ??= load(loadWasm).catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return (await loaded).Engine;
}

async function load(loadWasm: LoadWasm): Promise<LoadedEngine> {
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: registry });
  const imports = Object.entries(glue).map(([name, value]) => [name, replacementOf(name) ?? value]);
  const exports = await instantiateModule(await loadWasm(), {
    './schema_engine_bg.js': Object.fromEntries(imports),
  });
  glue.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  return { Engine: glue.SchemaEngine, exports };
}

/** The engine crashed. Its memory cannot be trusted any more: whoever else was asking it fails as well. */
export class EnginePanic extends Error {
  override readonly name = 'EnginePanic';
}

type Reject = (panic: EnginePanic) => void;

/** The calls that are under way. */
const calls = new Set<Reject>();
const timers = new Set<NodeJS.Timeout>();

/**
 * A call of the engine, in all its parts. A panic would leave it unsettled for ever; here it fails with
 * {@link EnginePanic}. Timers that the engine forgot are cleared: its limit on the wait for the advisory lock would
 * keep the process running for 10 s, and then call into memory that was freed.
 */
export function engineCall<T>(work: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    calls.add(reject);
    const end = (): void => {
      calls.delete(reject);
      if (calls.size === 0) clearTimers();
    };
    work().then(resolve, reject).then(end, end);
  });
}

function clearTimers(): void {
  for (const timer of timers) clearTimeout(timer);
  timers.clear();
}

function onPanic(error: unknown): void {
  const [message = String(error)] = (registry.message ?? String(error)).split('\n');
  registry.message = undefined;
  void loaded?.then(({ exports }) => detachMemory(exports));
  loaded = undefined;
  clearTimers();
  const panic = new EnginePanic(message, { cause: error });
  for (const reject of calls) reject(panic);
  calls.clear();
}

/** The engine hands a panic's message to a global of this name. */
const registry = {
  message: undefined as string | undefined,
  set_message(message: string): void {
    registry.message = message;
  },
};

/** What stands in for the glue code's own functions, by prefix: the build appends a hash to their names. */
const REPLACEMENTS = { __wbg_queueMicrotask_: queueGuarded, __wbg_setTimeout_: setGuardedTimeout } as const;

const replacementOf = (name: string): unknown =>
  Object.entries(REPLACEMENTS).find(([prefix]) => name.startsWith(prefix))?.[1];

/**
 * The engine's futures advance in microtasks, where a panic would end this process as an uncaught exception.
 * Two imports go by this name: one is given the function to run, the other the global object to look for
 * `queueMicrotask` in.
 */
function queueGuarded(argument: (() => void) | typeof globalThis): unknown {
  return typeof argument === 'function' ? queueMicrotask(guarded(argument)) : argument.queueMicrotask;
}

function setGuardedTimeout(run: () => void, ms: number): NodeJS.Timeout {
  const timer = setTimeout(() => {
    timers.delete(timer);
    guarded(run)();
  }, ms);
  timers.add(timer);
  return timer;
}

const guarded = (run: () => void) => (): void => {
  try {
    run();
  } catch (error) {
    onPanic(error);
  }
};
