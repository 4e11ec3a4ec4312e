/**
 * The program of a thread. Nothing imports it; `Workers.threads` starts it.
 *
 * It stands beside the package's entry points, which it imports for what they register: any seed that a request holds is to
 * find its generator.
 *
 * @since 0.1.0
 */
import "./index.ts"
import "./testing.ts"
import { run } from "./scheduler/backends/threads/ThreadProgram.ts"

run()
