/** `Promise.withResolvers` for Node 20; Node 22 brings its own. */
export {};

interface WithResolvers<T> {
  promise: Promise<T>;
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason?: unknown) => void;
}

const PromiseOfNode = Promise as PromiseConstructor & { withResolvers?: <T>() => WithResolvers<T> };

PromiseOfNode.withResolvers ??= function withResolvers<T>(): WithResolvers<T> {
  const parts: Partial<WithResolvers<T>> = {};
  const promise = new Promise<T>((resolve, reject) => {
    parts.resolve = resolve;
    parts.reject = reject;
  });
  return { ...(parts as WithResolvers<T>), promise };
};
