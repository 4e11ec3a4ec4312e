/**
 * All that a distribution needs of a generator.
 *
 * @since 0.1.0
 */
export interface Words {
  /** The next 32 random bits, from 0 to 2^32 − 1. */
  word(): number
  /** Uniform in [0, 1) with 53 random bits. */
  double(): number
  /** Uniform whole number below `bound`. */
  integer(bound: number): number
  /** Normal with mean 0 and standard deviation 1. */
  standardNormal(): number
}
