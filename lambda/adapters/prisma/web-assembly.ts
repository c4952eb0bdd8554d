/** What is used of `WebAssembly`: TypeScript describes it with its browser library only. */

export interface WasmExports {
  readonly __wbindgen_start: () => void;
  readonly memory: { grow(pages: number): number };
}

interface WebAssemblyApi {
  instantiate(
    bytes: Uint8Array,
    imports: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly instance: { readonly exports: WasmExports } }>;
}

const api = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

export async function instantiate(
  bytes: Uint8Array,
  imports: Readonly<Record<string, unknown>>,
): Promise<WasmExports> {
  return (await api.instantiate(bytes, imports)).instance.exports;
}

/**
 * Growing by nothing detaches the memory's buffer. That is how generated glue code notices that its view of the memory
 * is stale: without it, it would go on reading the old instance's memory after a new one is set.
 */
export const detachMemory = ({ memory }: WasmExports): void => void memory.grow(0);
