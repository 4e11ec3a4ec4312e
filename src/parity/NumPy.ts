/**
 * NumPy's random numbers, number by number: the legacy `RandomState`, and `Generator` on PCG64 and Philox. What is here
 * implements `Rng`, so any of it can drive any pipeline, and its seeds are plain data that `Rng.make` knows.
 *
 * @example
 * import { NumPy, Rng } from "furrow"
 *
 * const legacy = NumPy.randomState(42)
 * console.assert(legacy.randint(0, 1000) === 102)
 * console.assert(Rng.make(NumPy.RandomState.seed(42)).integer(1000) === 102)
 * console.assert(NumPy.defaultRng(42).double() === 0.7739560485559633)
 *
 * @since 0.1.0
 */

/** `Generator` on PCG64 and Philox, and its seeds. @category generators @since 0.1.0 */
export * as Generator from "./numpy/Generator.ts"
/** `np.random.default_rng`. */
export { defaultRng } from "./numpy/Generator.ts"
/** The legacy generator, and its seeds. @category generators @since 0.1.0 */
export * as RandomState from "./numpy/RandomState.ts"
/** `np.random.RandomState`. */
export { randomState } from "./numpy/RandomState.ts"
/** Entropy of any size, spread over start states and children. @category generators @since 0.1.0 */
export * as SeedSequence from "./numpy/SeedSequence.ts"
