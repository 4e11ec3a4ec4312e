/**
 * Names as bits.
 *
 * @since 0.1.0
 */
import { sha256 } from "./runtime.ts"

/**
 * A text that UTF-8 can hold, another for each: half a surrogate pair would become the replacement character, so texts
 * with such halves are written as JSON has them.
 *
 * @since 0.1.0
 */
export const wellFormed = (text: string): string => (text.isWellFormed() ? text : `ill-formed ${JSON.stringify(text)}`)

/**
 * The 64 bits that a name stands for, as low and high word: the first eight bytes of its SHA-256. Names of stages and
 * of forks, and seeds that are text, are hashed here too, so that all of Furrow hashes names in one way.
 *
 * @since 0.1.0
 */
export const wordsOf = (name: string): readonly [low: number, high: number] => {
  const bytes = sha256(wellFormed(name))
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
  return [view.getUint32(0, true), view.getUint32(4, true)]
}
