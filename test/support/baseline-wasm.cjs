/** As the command line does: WebAssembly that runs for moments is not worth optimizing. */
require('node:v8').setFlagsFromString('--liftoff-only');
