/**
 * The program of a thread. Nothing imports it; `Workers.threads` starts it.
 *
 * It stands beside the package's entry points, and imports all generators for what they register: any seed that a request
 * holds is to find its own.
 *
 * @since 0.1.0
 */
import "./parity/cpython/Random.ts"
import "./parity/numpy/Generator.ts"
import "./parity/numpy/RandomState.ts"
import "./parity/pytorch/TorchGenerator.ts"
import "./random/generators/Philox4x32.ts"
import "./random/generators/Xoshiro128.ts"
import "./testing/Script.ts"
import { run } from "./scheduler/backends/threads/ThreadProgram.ts"

run()
