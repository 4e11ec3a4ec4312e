/**
 * The two words of a float64, to read and to write.
 *
 * @since 0.1.0
 */

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
/** All runtimes that Furrow runs on are little-endian, but for Node on s390x. */
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0

/** The sign, the exponent and the upper 20 bits of the significand, as an unsigned number. @since 0.1.0 */
export const highWord = (x: number): number => {
  float[0] = x
  return words[HIGH] as number // of two
}

/** `x` with another high word. @since 0.1.0 */
export const withHighWord = (x: number, high: number): number => {
  float[0] = x
  words[HIGH] = high
  return float[0] as number // it has one element
}

/** 2 to a power from −1022 to 1023. @since 0.1.0 */
export const powerOfTwo = (exponent: number): number => withHighWord(0, (exponent + 1023) << 20)
