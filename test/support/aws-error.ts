/** As the SDK throws it. */
export function awsError(name: string, status = 400, attempts = 1): Error {
  return Object.assign(new Error(`${name} (scripted)`), {
    name,
    $fault: status >= 500 ? 'server' : 'client',
    $metadata: { httpStatusCode: status, attempts },
  });
}
