/** Gives Prisma's schema engine as a class, instantiated by hand from the bytes of its WebAssembly module. */
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg';

export type LoadWasm = () => Promise<Uint8Array>;
export type EngineClass = typeof glue.SchemaEngine;
export type Engine = glue.SchemaEngine;

/** The glue code holds one instance for the whole process, so there is one promise of it, whoever loads first. */
let instance: Promise<EngineClass> | undefined;

/** A failed load is not remembered: the next call tries again. */
export function engineClass(loadWasm: LoadWasm): Promise<EngineClass> {
  instance ??= instantiate(loadWasm).catch((error: unknown) => {
    instance = undefined;
    throw error;
  });
  return instance;
}

/** The engine crashed. Its memory cannot be trusted any more: whoever else was asking it fails as well. */
export class EnginePanic extends Error {
  override readonly name = 'EnginePanic';
}

const panicListeners = new Set<(panic: EnginePanic) => void>();

/** A panic leaves the promise of the call that it interrupts unsettled for ever; this settles it. */
export function unlessPanic<T>(answer: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    panicListeners.add(reject);
    const forget = (): unknown => panicListeners.delete(reject);
    answer.then(resolve, reject).then(forget, forget);
  });
}

function onPanic(error: unknown): void {
  instance = undefined;
  const [message = String(error)] = (registry.message ?? String(error)).split('\n');
  registry.message = undefined;
  const panic = new EnginePanic(message, { cause: error });
  for (const reject of panicListeners) reject(panic);
}

/** The engine hands a panic's message to a global of this name. */
const registry = {
  message: undefined as string | undefined,
  set_message(message: string): void {
    registry.message = message;
  },
};

const QUEUE_MICROTASK = '__wbg_queueMicrotask_';

/**
 * The engine's futures advance in microtasks of its own, where a panic would end this process as an uncaught
 * exception. Two imports go by this name: one is given the function to run, the other the global object to look for
 * `queueMicrotask` in.
 */
function queueGuarded(argument: (() => void) | typeof globalThis): unknown {
  if (typeof argument !== 'function') return argument.queueMicrotask;
  return queueMicrotask(() => {
    try {
      argument();
    } catch (error) {
      onPanic(error);
    }
  });
}

/** As far as it is used here: TypeScript describes it with its browser library only. */
interface WebAssemblyApi {
  instantiate(
    bytes: Uint8Array,
    imports: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly instance: { readonly exports: { readonly __wbindgen_start: () => void } } }>;
}

async function instantiate(loadWasm: LoadWasm): Promise<EngineClass> {
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: registry });
  const imports = Object.entries(glue).map(([name, value]) => [
    name,
    name.startsWith(QUEUE_MICROTASK) ? queueGuarded : value,
  ]);
  const { instance: wasm } = await WebAssembly.instantiate(await loadWasm(), {
    './schema_engine_bg.js': Object.fromEntries(imports),
  });
  glue.__wbg_set_wasm(wasm.exports);
  wasm.exports.__wbindgen_start();
  return glue.SchemaEngine;
}
