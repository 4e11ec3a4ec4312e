/**
 * How coordinates are packed into the 128-bit counter of Philox4x32-10, under the run's 64-bit key.
 *
 * Packing loses nothing and Philox is a bijection, so two coordinates never start from one state. What does not fit its
 * bits is a `CoordinatesError`, never a wrap-around. The highest word holds the stage's id, the highest 4 bits of the
 * second word a tag for each kind of coordinates; the other 92 bits are the kind's fields, from the lowest bit on:
 *
 * ```text
 * tag                      fields, each with its bits
 *  1  order of an epoch      0 60 | epoch 32
 *  2  worker's sample        ordinal 40 | worker 12 | rank low 8 | epoch 24 | rank high 8
 *  3  worker's batch         as 2
 *  4  index                  index 53 | 0 7 | epoch 32
 *  5  position               position 53 | 0 7 | epoch 32
 *  6  batch                  batch 40 | rank 16 | 0 4 | epoch 32
 *  7  in a mix               own 39 | by position 1 | component 12 | pass 20 | epoch 20
 *  8  child                  own 43 | by position 1 | child 24 | epoch 24
 *  9  child in a mix         own 35 | by position 1 | child 16 | component 12 | pass 12 | epoch 16
 * 10  packed row             window 43 | 0 1 | child 24 | epoch 24
 * 11  packed row in a mix    window 35 | 0 1 | child 16 | component 12 | pass 12 | epoch 16
 * 12  worker's child         ordinal 32 | worker 12 | rank 16 | child 16 | epoch 16
 * 13  worker's packed row    as 12
 * 14  order of a pass        pass 32 | component 12 | 0 16 | epoch 32
 *
 * epochWorker packs by 1, 2, 3, 12, 13 and 14; elastic by 1, 4 to 11 and 14. Tag 0 is nobody's: see `states`.
 * ```
 *
 * `own` is the sample's index, or its position where the sampler may visit an index twice. Under `epochWorker` a row
 * is numbered by what its worker had before: a sample by the samples, a child by the samples that children came of, a packed
 * row by the windows. Components and passes need no bits there, since no two samples of a worker have one ordinal.
 *
 * @since 0.1.0
 */
import { block, blocks } from "../random/generators/Philox.ts"
import type * as Seed from "../random/Seed.ts"
import type { Request } from "./Request.ts"

/** Part of a counter. It begins where the one before it ends. */
interface Field {
  readonly name: string
  readonly bits: number
  /** The value of the first row, and how much more that of each next row is. */
  readonly first: number
  readonly step: 0 | 1
  /** The value of each row, in place of those. */
  readonly values: ArrayLike<number> | undefined
}

/** How the rows of a request are packed. @since 0.1.0 */
export interface Layout {
  readonly tag: number
  /** From the lowest bit on. A field lies in at most two words. */
  readonly fields: ReadonlyArray<Field>
  /** A value that has to fit although fields hold only its parts. */
  readonly whole?: Field
}

const field = (
  name: string,
  bits: number,
  first: number,
  step: 0 | 1 = 0,
  values: ArrayLike<number> | undefined = undefined
): Field => ({ name, bits, first, step, values })

/** A field of which each row has a value of its own. */
const each = (name: string, bits: number, values: ArrayLike<number>): Field => field(name, bits, 0, 1, values)

const zeros = (bits: number): Field => field("zero", bits, 0)

const ofEpoch = ({ epoch, rows }: Request): Layout => {
  const own = field("epoch", 32, epoch)
  if (rows?.mix === undefined) return { tag: 1, fields: [zeros(60), own] }
  const { components, passes } = rows.mix
  return { tag: 14, fields: [each("pass", 32, passes), each("component", 12, components), zeros(16), own] }
}

/** The layouts of `epochWorker`. @since 0.1.0 */
export const byWorker = (request: Request): Layout => {
  const { epoch, ordinal, rank, rows, scope, worker } = request
  if (scope === "epoch") return ofEpoch(request)
  const ordinals = scope === "sample" ? rows?.ordinals : undefined
  const at = field("worker", 12, worker)
  const whole = field("rank", 16, rank)
  if (scope === "sample" && (rows?.children ?? rows?.windows) !== undefined) {
    const own = field("ordinal", 32, ordinal, 1, ordinals)
    const fields = [own, at, whole, each("child", 16, rows?.children ?? []), field("epoch", 16, epoch)]
    return { tag: rows?.windows === undefined ? 12 : 13, fields }
  }
  const own = field("ordinal", 40, ordinal, 1, ordinals)
  const low = field("rank", 8, rank & 0xff)
  const high = field("rank", 8, (rank >>> 8) & 0xff)
  return { tag: scope === "sample" ? 2 : 3, fields: [own, at, low, field("epoch", 24, epoch), high], whole }
}

/** The layouts of `elastic`. @since 0.1.0 */
export const byIndex = (request: Request): Layout => {
  const { batch, distinct, epoch, indices, position, rank, rows, scope } = request
  if (scope === "epoch") return ofEpoch(request)
  if (scope === "batch") {
    // A batch stage mixes the rows of one rank, so the rank is one of its fields.
    const fields = [field("batch", 40, batch), field("rank", 16, rank), zeros(4), field("epoch", 32, epoch)]
    return { tag: 6, fields }
  }
  const own = (bits: number): Field =>
    rows?.windows !== undefined
      ? each("window", bits, rows.windows)
      : distinct
        ? each("index", bits, indices)
        : field("position", bits, position, 1, rows?.positions)
  if (rows === undefined || (rows.mix === undefined && rows.children === undefined && rows.windows === undefined)) {
    return { tag: distinct ? 4 : 5, fields: [own(53), zeros(7), field("epoch", 32, epoch)] }
  }
  const { children, mix, windows } = rows
  const byPosition = field("by position", 1, distinct || windows !== undefined ? 0 : 1)
  if (mix === undefined) {
    const fields = [own(43), byPosition, each("child", 24, children ?? []), field("epoch", 24, epoch)]
    return { tag: windows === undefined ? 8 : 10, fields }
  }
  const component = each("component", 12, mix.components)
  if (children === undefined && windows === undefined) {
    const fields = [own(39), byPosition, component, each("pass", 20, mix.passes), field("epoch", 20, epoch)]
    return { tag: 7, fields }
  }
  const child = each("child", 16, children ?? [])
  const fields = [own(35), byPosition, child, component, each("pass", 12, mix.passes), field("epoch", 16, epoch)]
  return { tag: windows === undefined ? 9 : 11, fields }
}

/** Why a row does not fit the counter. @since 0.1.0 */
export interface Misfit {
  readonly row: number
  readonly reason: string
}

/**
 * Returns the start states of a request's rows, four words each: the blocks at their counters; or the row that does not fit.
 *
 * One counter in 2^128 gives the all-zero block, from which xoshiro128** cannot start. The block of a counter with tag 0
 * is used instead, which no coordinates pack to, so states still differ.
 *
 * @since 0.1.0
 */
export const states = (
  layoutOf: (request: Request) => Layout,
  request: Request,
  { high, low }: Seed.Root
): Uint32Array | Misfit => {
  const { indices, scope, stage } = request
  if (!fits(stage.id, power(32))) return outside(field("stage id", 32, stage.id), stage.id, 0)
  if (scope !== "sample" && indices.length !== 1) {
    // Further rows would have the counter of the first.
    return { row: 0, reason: `${indices.length} seeds were asked for; scope "${scope}" has one` }
  }
  const words = new Uint32Array(4 * indices.length)
  const misfit = pack(layoutOf(request), stage.id, words)
  if (misfit !== undefined) return misfit
  blocks(words, low, high)
  for (let at = 0; at < words.length; at += 4) {
    if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0) {
      block(0, 0, 0, 0, low, high, words, at)
    }
  }
  return words
}

/** Writes the counters of all rows. */
const pack = ({ fields, tag, whole }: Layout, stage: number, words: Uint32Array): Misfit | undefined => {
  if (whole !== undefined && !fits(whole.first, power(whole.bits))) return outside(whole, whole.first, 0)
  words[1] = tag << 28
  words[3] = stage
  // What all rows share is packed once, into the first.
  const misfit = write(fields, 0, words, 1)
  if (misfit !== undefined) return misfit
  // Four words at least.
  const first = words[0] as number
  const second = words[1] as number
  const third = words[2] as number
  for (let at = 4; at < words.length; at += 4) {
    words[at] = first
    words[at + 1] = second
    words[at + 2] = third
    words[at + 3] = stage
  }
  return write(fields, 1, words, words.length / 4)
}

/** Where the fields' bits of each word begin and end: the tag takes the highest four of the second. */
const STARTS = [0, 32, 60, 92] as const

/** Adds the fields that all rows share (step 0), or the others, to the counters of the first rows. */
const write = (fields: ReadonlyArray<Field>, step: 0 | 1, words: Uint32Array, rows: number): Misfit | undefined => {
  let bit = 0
  for (let place = 0; place < fields.length; place++) {
    const own = fields[place] as Field // below the length
    const from = bit
    bit += own.bits
    if (own.step !== step) continue
    const { first, values } = own
    const word = from < STARTS[1] ? 0 : from < STARTS[2] ? 1 : 2
    const shift = from - STARTS[word]
    const limit = power(own.bits)
    // What the word has no room for goes to the next one.
    const room = power((word === 0 ? STARTS[1] : word === 1 ? STARTS[2] : STARTS[3]) - from)
    if (
      values === undefined &&
      Number.isInteger(first) &&
      first >= 0 &&
      first + rows <= Math.min(limit, room, SIGNED)
    ) {
      for (let row = 0, at = word; row < rows; row++, at += 4) {
        words[at] = (words[at] as number) | ((first + row) << shift) // as below
      }
      continue
    }
    for (let row = 0; row < rows; row++) {
      const value = values === undefined ? first + row : (values[row] as number) // what is missing does not fit
      if (!fits(value, limit)) return outside(own, value, row)
      const at = 4 * row + word
      // Counters are as many as rows.
      if (value < room) words[at] = (words[at] as number) | (value << shift)
      else {
        words[at] = (words[at] as number) | ((value % room) << shift)
        words[at + 1] = (words[at + 1] as number) | Math.floor(value / room)
      }
    }
  }
  return undefined
}

/** From here on a number is not a signed 32-bit integer. */
const SIGNED = 2 ** 31

/** The powers of 2 up to the widest field: a table, since `**` is a call. */
const POWERS = Array.from({ length: 61 }, (_, bits) => 2 ** bits)

const power = (bits: number): number => POWERS[bits] as number // of 0 to 60 bits

const fits = (value: number, limit: number): boolean => value >= 0 && value < limit && Number.isInteger(value)

const outside = ({ bits, name }: Field, value: number, row: number): Misfit => ({
  row,
  reason: `${name} ${value} does not fit; it can be 0 to 2^${bits} - 1`
})
