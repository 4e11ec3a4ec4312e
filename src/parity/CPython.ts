/**
 * Python's own `random`, number by number as CPython 3.11 draws.
 *
 * @example
 * import { CPython } from "furrow"
 *
 * console.assert(CPython.random("furrow").random() < 1)
 *
 * @since 0.1.0
 */

/** The generator, and its seeds. @category generators @since 0.1.0 */
export * as Random from "./cpython/Random.ts"
/** `random.Random`. */
export { random } from "./cpython/Random.ts"
