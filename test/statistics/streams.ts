/**
 * Rows of raw words for a test battery: Furrow's streams laid one behind another, between one another, and next to
 * their neighbours. Each row is endless and starts at the same word every time.
 */
import { createCipheriv } from "node:crypto"
import { Either } from "effect"
import { Xoshiro128 } from "../../src/random/generators/Xoshiro128.ts"
import * as Rng from "../../src/random/Rng.ts"
import * as Seed from "../../src/random/Seed.ts"
import { stageId } from "../../src/seeding/Coordinates.ts"
import { epochRequest } from "../../src/seeding/Request.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"

/** Writes the next words of a row over all of `chunk`. */
export type Fill = (chunk: Uint32Array) => void

/** A row to be tested; `open` starts it under a run's seed. */
export interface Source {
  readonly name: string
  readonly what: string
  readonly open: (seed: number) => Fill
}

/** How many words are handed on at once. */
const CHUNK = 1 << 16

/** A row in chunks, each made when it is asked for. */
export const live = (fill: Fill) => (): Uint32Array => {
  const chunk = new Uint32Array(CHUNK)
  fill(chunk)
  return chunk
}

/**
 * A row that is kept, as many trials read it from its start and some rows take longer to make than a trial to read:
 * up to 1 GB, by the trial that reads furthest. Each call gives a reader at the start.
 */
export const kept = (fill: Fill): (() => () => Uint32Array) => {
  const chunks: Array<Uint32Array> = []
  const make = live(fill)
  return () => {
    let at = 0
    return () => {
      const chunk = chunks[at] ?? make()
      chunks[at++] = chunk
      return chunk
    }
  }
}

type Policy = "epochWorker" | "elastic"

/** How many streams one request asks for, as a worker does for a batch. */
const ROWS = 32
/** How many neighbours are laid side by side. */
const SPAN = 4096
/** How many words a neighbouring sample gives: about what a crop and a flip draw. */
const DRAWS = 4
/** How many an epoch's order or a batch's stage gives; those draw once a sample. */
const MANY = 64

const base: SeedPolicy.Request = {
  scope: "sample",
  stage: stageId("crop"),
  epoch: 0,
  rank: 0,
  world: 1,
  worker: 0,
  workers: SPAN,
  batch: 0,
  ordinal: 0,
  position: 0,
  indices: [0],
  distinct: true
}

const service = (policy: Policy, seed: number): SeedPolicy.Service =>
  Either.getOrThrow(SeedPolicy.byName(policy, Either.getOrThrow(Seed.root(seed))))

/** The start states a policy gives, four words each, as the worker takes them. */
const ask = (policy: SeedPolicy.Service, request: SeedPolicy.Request): Uint32Array => {
  const seeds = Either.getOrThrow(policy.seeds(request))
  if (seeds._tag !== "Packed" || seeds.width !== 4)
    throw new Error(`${policy.name} was to give packed xoshiro128** states`)
  return seeds.words
}

/** Samples `start … start + count − 1` of one worker and of the dataset. */
const samples = (start: number, count: number): Partial<SeedPolicy.Request> => ({
  ordinal: start,
  position: start,
  indices: Float64Array.from({ length: count }, (_, row) => start + row)
})

/** A row in pieces as another part makes them, cut to the chunks that are asked for. */
const pieces = (next: () => Uint32Array): Fill => {
  let piece: Uint32Array = new Uint32Array(0)
  let used = 0
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (used === piece.length) {
        piece = next()
        used = 0
      }
      const part = piece.subarray(used, used + chunk.length - at)
      chunk.set(part, at)
      at += part.length
      used += part.length
    }
  }
}

/** The first `length` words of each successive sample's stream. */
const concatenated = (policy: Policy, length: number): Source => ({
  name: `${policy} concatenated ${length}`,
  what: `${length} words of each successive sample's stream`,
  open: (seed) => {
    const own = service(policy, seed)
    const rng = new Xoshiro128()
    const piece = new Uint32Array(ROWS * length)
    let start = 0
    return pieces(() => {
      const states = ask(own, { ...base, ...samples(start, ROWS) })
      start += ROWS
      for (let row = 0, at = 0; row < ROWS; row++) {
        rng.reseed(states, 4 * row)
        for (const end = at + length; at < end; at++) piece[at] = rng.word()
      }
      return piece
    })
  }
})

/** Word 0 of the streams of `count` successive samples, word 1 of them, and so on for ever. */
const interleaved = (policy: Policy, count: number): Source => ({
  name: `${policy} interleaved ${count}`,
  what: `word k of ${count} successive samples' streams, then word k + 1`,
  open: (seed) => {
    const states = ask(service(policy, seed), { ...base, ...samples(0, count) })
    const rngs = Array.from({ length: count }, (_, row) => new Xoshiro128().reseed(states, 4 * row))
    const piece = new Uint32Array(count)
    return pieces(() => {
      rngs.forEach((rng, row) => {
        piece[row] = rng.word()
      })
      return piece
    })
  }
})

/** Along which coordinate neighbours lie: the request at a place of it, and how many places it has. */
interface Axis {
  readonly name: string
  readonly places: number
  readonly at: (place: number) => Partial<SeedPolicy.Request>
  /** Whether the request is for one seed, so that a row of samples is a row of requests. */
  readonly single?: "batch"
}

const epochs: Axis = { name: "epochs", places: 2 ** 24, at: (epoch) => ({ epoch }) }
const stages: Axis = { name: "stages", places: 2 ** 32, at: (id) => ({ stage: { name: `stage ${id}`, id } }) }
const ranks: Axis = { name: "ranks", places: 2 ** 16, at: (rank) => ({ rank, world: 2 ** 16 }) }
const workers: Axis = { name: "workers", places: SPAN, at: (worker) => ({ worker }) }
const runs: Axis = { name: "runs", places: 2 ** 32, at: () => ({}) }

const described = ({ name, single }: Axis): string => {
  const draws = single === undefined ? DRAWS : MANY
  const of = single ?? "sample"
  return `${draws} words of a ${of}'s stream in each of ${SPAN} successive ${name}, then of the next ${of}'s`
}

/**
 * The first words of one sample at neighbouring places of an axis, then of the next sample at the same places. For
 * `runs` the places are run seeds: 42, 43, …
 */
const neighbouring = (policy: Policy, axis: Axis): Source => ({
  name: `${policy} neighbouring ${axis.name}`,
  what: described(axis),
  open: (seed) => {
    const own = service(policy, seed)
    const rng = new Xoshiro128()
    const draws = axis.single === undefined ? DRAWS : MANY
    const states = new Uint32Array(SPAN * ROWS * 4)
    const piece = new Uint32Array(SPAN * ROWS * draws)
    let block = 0
    return pieces(() => {
      const start = (block * SPAN) % axis.places
      const sample = Math.floor((block * SPAN) / axis.places) * ROWS
      block++
      const rows = samples(sample, ROWS)
      for (let place = 0; place < SPAN; place++) {
        const from = axis === runs ? service(policy, seed + start + place) : own
        const request = { ...base, ...rows, ...axis.at(start + place) }
        if (axis.single === undefined) {
          states.set(ask(from, request), place * ROWS * 4)
          continue
        }
        for (let row = 0; row < ROWS; row++) {
          const one = { scope: axis.single, indices: [0], batch: sample + row, ordinal: sample + row }
          states.set(ask(from, { ...request, ...one }), (place * ROWS + row) * 4)
        }
      }
      for (let row = 0, at = 0; row < ROWS; row++) {
        for (let place = 0; place < SPAN; place++) {
          rng.reseed(states, (place * ROWS + row) * 4)
          for (const end = at + draws; at < end; at++) piece[at] = rng.word()
        }
      }
      return piece
    })
  }
})

/** The streams of the epochs' orders: those that a shuffle draws from. */
const orders: Source = {
  name: "orders of epochs",
  what: `${MANY} words of the stream of each successive epoch's order, the same under both policies`,
  open: (seed) => {
    const own = service("epochWorker", seed)
    const rng = new Xoshiro128()
    const piece = new Uint32Array(MANY)
    let epoch = 0
    return pieces(() => {
      rng.reseed(ask(own, epochRequest(stageId("sample"), epoch++)), 0)
      return piece.map(() => rng.word())
    })
  }
}

/** One generator and nothing else. */
const raw = (algorithm: string, words: (seed: number) => ReadonlyArray<number>): Source => ({
  name: algorithm,
  what: "one stream of the generator itself",
  open: (seed) => {
    const rng = Rng.make({ algorithm, words: [...words(seed)] })
    return (chunk) => {
      for (let at = 0; at < chunk.length; at++) chunk[at] = rng.word()
    }
  }
})

/** Words that are not Furrow's and that nobody doubts: what they give is what the batteries give of good words. */
const control: Source = {
  name: "control: AES-128 in counter mode",
  what: "none of Furrow's: the words of a cipher, for what the batteries say of good words",
  open: (seed) => {
    const key = new Uint8Array(16)
    new DataView(key.buffer).setUint32(0, seed)
    const cipher = createCipheriv("aes-128-ctr", key, new Uint8Array(16))
    return (chunk) => {
      const bytes = cipher.update(new Uint8Array(chunk.byteLength))
      new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).set(bytes)
    }
  }
}

const policies: ReadonlyArray<Policy> = ["epochWorker", "elastic"]

/** A rank has no part in an elastic sample's place, but in a batch's. */
const batchRanks: Axis = { ...ranks, name: "ranks of batches", single: "batch" }

export const sources: ReadonlyArray<Source> = [
  raw("xoshiro128**", (seed) => [seed, 0x9e3779b9, 0x243f6a88, 0xb7e15162]),
  raw("philox4x32-10", (seed) => [seed, 0]),
  ...policies.flatMap((policy) => [16, 64, 256, 4096].map((length) => concatenated(policy, length))),
  ...policies.flatMap((policy) => [16, 4096].map((count) => interleaved(policy, count))),
  // Successive samples are what is concatenated, but with as few words as the other neighbours give.
  ...policies.map((policy) => ({ ...concatenated(policy, DRAWS), name: `${policy} neighbouring samples` })),
  ...[epochs, workers, stages, ranks, runs].map((axis) => neighbouring("epochWorker", axis)),
  ...[epochs, stages, batchRanks, runs].map((axis) => neighbouring("elastic", axis)),
  orders,
  control
]
