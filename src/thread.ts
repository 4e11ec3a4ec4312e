/**
 * The program of a thread. Nothing imports it; `Workers.threads` starts it.
 *
 * It stands beside the package's entry points, and knows all generators: any seed that a request holds is to find its own.
 *
 * @since 0.1.0
 */
import { algorithms as python } from "./parity/cpython/Random.ts"
import { algorithms as numpy } from "./parity/numpy/Generator.ts"
import { algorithms as numpyLegacy } from "./parity/numpy/RandomState.ts"
import { algorithms as torch } from "./parity/pytorch/TorchGenerator.ts"
import { making } from "./random/generators/Generator.ts"
import { algorithm as philox } from "./random/generators/Philox4x32.ts"
import { algorithm as xoshiro } from "./random/generators/Xoshiro128.ts"
import { run } from "./scheduler/backends/threads/ThreadProgram.ts"
import { SCRIPTED } from "./testing/Script.ts"

making(philox, xoshiro, ...numpy, ...[python, numpyLegacy, torch].flatMap((own) => Object.values(own)), SCRIPTED)
run()
