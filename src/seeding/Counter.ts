/**
 * How coordinates are packed into the 128-bit counter of Philox4x32-10, under the run's 64-bit key.
 *
 * @since 0.1.0
 */
import { block, blocks } from "../random/generators/Philox.ts"
import type * as Seed from "../random/Seed.ts"
import type { Request } from "./Request.ts"

/** Tags keep the kinds of coordinates apart inside the counter. Tag 0 is nobody's: see `start`. */
const TAG_EPOCH = 1
const TAG_WORKER_SAMPLE = 2
const TAG_WORKER_BATCH = 3
const TAG_INDEX = 4
const TAG_POSITION = 5
const TAG_ELASTIC_BATCH = 6

const TWO_POW_32 = 2 ** 32

/** Packs the coordinates of a request's rows, from the first on, as `words[4 * row …]`; says what does not fit. @since 0.1.0 */
export type Pack = (request: Request, key: Seed.Root, words: Uint32Array) => Misfit | undefined

/** Why a row has no place in the counter. @since 0.1.0 */
export interface Misfit {
  readonly row: number
  readonly reason: string
}

/**
 * The blocks at all counters in `words`, as start states. One counter in 2^128 gives the all-zero block, which
 * xoshiro128** cannot start from; its place is taken by the block of a counter that no coordinates pack to (tag 0), so
 * states still differ.
 */
const start = (key: Seed.Root, words: Uint32Array): void => {
  blocks(words, key.low, key.high)
  for (let at = 0; at < words.length; at += 4) {
    if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0) {
      block(0, 0, 0, 0, key.low, key.high, words, at)
    }
  }
}

/** Writes the counter of a row. */
const put = (words: Uint32Array, row: number, c0: number, c1: number, c2: number, c3: number): void => {
  words[4 * row] = c0
  words[4 * row + 1] = c1
  words[4 * row + 2] = c2
  words[4 * row + 3] = c3
}

const packEpoch: Pack = (request, key, words) => {
  if (!fits(request.epoch, 32)) return outside("epoch", request.epoch, 32)
  put(words, 0, 0, TAG_EPOCH << 28, request.epoch, request.stage.id)
  start(key, words)
  return undefined
}

/** Packs by (epoch, rank, worker, ordinal). @since 0.1.0 */
export const packWorker: Pack = (request, key, words) => {
  const { epoch, indices, ordinal, rank, stage, worker } = request
  if (!fits(epoch, 24)) return outside("epoch", epoch, 24)
  if (!fits(rank, 16)) return outside("rank", rank, 16)
  if (!fits(worker, 12)) return outside("worker", worker, 12)
  const tag = request.scope === "batch" ? TAG_WORKER_BATCH : TAG_WORKER_SAMPLE
  const c1 = (tag << 28) | ((rank & 0xff) << 20) | (worker << 8)
  const c2 = ((rank >>> 8) << 24) | epoch
  for (let row = 0; row < indices.length; row++) {
    const own = ordinal + row
    if (!fits(own, 40)) return outside("ordinal", own, 40, row)
    put(words, row, own >>> 0, c1 | Math.floor(own / TWO_POW_32), c2, stage.id)
  }
  start(key, words)
  return undefined
}

/** Packs by (epoch, index or position). @since 0.1.0 */
export const packElastic: Pack = (request, key, words) => {
  const { batch, distinct, epoch, indices, position, rank, stage } = request
  if (!fits(epoch, 32)) return outside("epoch", epoch, 32)
  if (request.scope === "batch") {
    // A batch stage mixes the rows of one rank, so the rank stays part of its place; 16 bits of it beside 45 of batch
    // are more than the 53 an index takes, hence fewer for the batch's number.
    if (!fits(rank, 16)) return outside("rank", rank, 16)
    if (!fits(batch, 40)) return outside("batch", batch, 40)
    const c1 = (TAG_ELASTIC_BATCH << 28) | (rank << 8) | Math.floor(batch / TWO_POW_32)
    put(words, 0, batch >>> 0, c1, epoch, stage.id)
    start(key, words)
    return undefined
  }
  const c1 = (distinct ? TAG_INDEX : TAG_POSITION) << 28
  for (let row = 0; row < indices.length; row++) {
    const own = distinct ? (indices[row] as number) : position + row
    if (!fits(own, 53)) return outside(distinct ? "index" : "position", own, 53, row)
    put(words, row, own >>> 0, c1 | Math.floor(own / TWO_POW_32), epoch, stage.id)
  }
  start(key, words)
  return undefined
}

const fits = (value: number, bits: number): boolean => Number.isSafeInteger(value) && value >= 0 && value < 2 ** bits

const outside = (what: string, value: number, bits: number, row = 0): Misfit => ({
  row,
  reason: `${what} ${value} does not fit; it can be 0 to 2^${bits} - 1`
})

const misfit = (request: Request): Misfit | undefined => {
  const { indices, scope, stage } = request
  if (!fits(stage.id, 32)) return outside("stage id", stage.id, 32)
  if (scope === "sample" || indices.length === 1) return undefined
  // Further rows would have the place of the first.
  return { row: 0, reason: `${indices.length} seeds were asked for; scope "${scope}" has one` }
}

/**
 * The start states at the counters of a request's rows, four words each; or why one of them has none.
 *
 * @since 0.1.0
 */
export const states = (pack: Pack, request: Request, key: Seed.Root): Uint32Array | Misfit => {
  const words = new Uint32Array(4 * request.indices.length)
  return misfit(request) ?? (request.scope === "epoch" ? packEpoch : pack)(request, key, words) ?? words
}
