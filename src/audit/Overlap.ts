/**
 * Which streams of random words are one and the same, or the same a little later.
 *
 * Two streams are taken for equal when their first {@link WINDOW} words are, and for shifted when the first words of one
 * stand further on in the other. By chance that happens to two good streams once in 2^256 places.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"

/** How many words must agree. @since 0.1.0 */
export const WINDOW = 8

/** One stream runs into the other: `later` starts where `earlier` stands after `shift` words. @since 0.1.0 */
export interface Shifted {
  readonly earlier: number
  readonly later: number
  readonly shift: number
}

/** What {@link find} finds. @since 0.1.0 */
export interface Overlaps {
  /** For each stream its class: equal streams have one class, numbered from 0 in the order of their first stream. */
  readonly classes: Int32Array
  /** How many classes there are. */
  readonly distinct: number
  /** Classes that are shifted against each other, each pair by its smallest shift. */
  readonly shifted: ReadonlyArray<Shifted>
}

/**
 * The overlaps of streams, each given by its first words: `WINDOW` of them for equality, and `shift` more to find it
 * shifted by up to so many. It takes one step a word and stream.
 *
 * Throws `InvalidOption` if the shift is not a whole number of at least 0, or a stream has too few words for it.
 *
 * @since 0.1.0
 */
export const find = (streams: ReadonlyArray<Uint32Array>, options: { readonly shift?: number } = {}): Overlaps => {
  const shift = whole("shift", options.shift ?? 0, 0)
  const classes = new Int32Array(streams.length)
  /** A stream of each class. */
  const heads: Array<Uint32Array> = []
  /** Classes by their first word. */
  const byWord = new Map<number, Array<number>>()

  for (const [index, stream] of streams.entries()) {
    if (stream.length < WINDOW) {
      const expected = `of at least ${WINDOW} words`
      throw new InvalidOption({ option: `stream ${index}`, value: stream.length, expected })
    }
    const [first = 0] = stream
    const known = byWord.get(first) ?? []
    let own = known.find((other) => agree(heads[other] as Uint32Array, 0, stream)) // every class has a head
    if (own === undefined) {
      own = heads.length
      heads.push(stream)
      byWord.set(first, [...known, own])
    }
    classes[index] = own
  }

  const shifted: Array<Shifted> = []
  for (const [earlier, words] of heads.entries()) {
    const met = new Set<number>()
    const last = Math.min(shift, words.length - WINDOW)
    for (let at = 1; at <= last; at++) {
      const candidates = byWord.get(words[at] as number) // `at` is below the length
      if (candidates === undefined) continue
      for (const later of candidates) {
        if (later === earlier || met.has(later) || !agree(words, at, heads[later] as Uint32Array)) continue
        met.add(later)
        shifted.push({ earlier, later, shift: at })
      }
    }
  }
  return { classes, distinct: heads.length, shifted }
}

/** Whether the first words of `stream` stand in `words` from `at` on. */
const agree = (words: Uint32Array, at: number, stream: Uint32Array): boolean => {
  for (let index = 0; index < WINDOW; index++) if (words[at + index] !== stream[index]) return false
  return true
}
