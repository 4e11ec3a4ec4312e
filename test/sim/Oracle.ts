/**
 * What a case should deliver, by a plain loop that makes one batch after the other from their coordinates: it knows of
 * no scheduler, plan, cursor or sampler. The policy is asked for one seed at a time.
 */
import { createHash } from "node:crypto"
import { Effect, Either } from "effect"
import { Rng, SeedPolicy } from "../../src/index.ts"
import { integer } from "../../src/random/distributions/Bounded.ts"
import { block } from "../../src/random/generators/Philox.ts"
import { type Coordinates, stageId } from "../../src/seeding/Coordinates.ts"
import { seedAt } from "../../src/seeding/Request.ts"
import { type Case, type Fault, isStream } from "./Case.ts"

/** A batch, as far as it can be told from another. */
export interface Expected {
  readonly epoch: number
  readonly index: number
  readonly worker: number
  readonly indices: ReadonlyArray<number>
  readonly traces: ReadonlyArray<number>
}

/** The part of a case that what is delivered hangs on, with the workers and ranks of a leg. */
export interface Place {
  readonly workers: number
  readonly rank: number
  readonly world: number
}

// What stages do to a sample, said once for pipeline and oracle.

export const LIMIT = 23
/** The indices that the subset has, of a dataset of a size. */
export const subsetOf = (size: number): ReadonlyArray<number> =>
  Array.from({ length: size }, (_, index) => index).filter((index) => index % 3 !== 1)

/** How many rows a shard has, how many of its blocks, and how many blocks are mixed with one another. */
export const SHARD = 7
export const BLOCK = 3
export const WINDOW = 2
/** How many rows of a stream are mixed with one another. */
export const ROWS = 5

/** The rows of each block of a dataset of a size: it has none that says so, unless it is of shards. */
const blocksOf = ({ dataset, size }: Case): ReadonlyArray<ReadonlyArray<number>> => {
  const blocks: Array<Array<number>> = []
  for (let index = 0; index < size; index++) {
    const isFirst = dataset === "shards" ? (index % SHARD) % BLOCK === 0 : index % BLOCK === 0
    if (isFirst) blocks.push([])
    blocks.at(-1)?.push(index)
  }
  return blocks
}

/**
 * Blocks in a drawn order, in as many lanes as a batch has rows, so that each batch has one row of each lane that has not
 * ended; the rows of each window of a lane in a drawn order.
 */
const byBlocks = (own: Case, words: Rng.Rng): ((position: number) => number) => {
  const blocks = blocksOf(own)
  const places = words.permutation(blocks.length)
  const [key0, key1, c2, c3] = [words.word(), words.word(), words.word(), words.word()]
  const rows = Array.from(places, (at, place) => (blocks[at] ?? []).map((index) => ({ place, index }))).flat()
  const starts = Array.from({ length: own.batchSize + 1 }, (_, lane) => Math.floor((lane * own.size) / own.batchSize))
  const lanes = starts.slice(1).map((end, lane) => {
    const lower = starts[lane] ?? 0
    const lane0 = rows.slice(lower, end)
    const first = lane0[0]?.place ?? 0
    const mixed: Array<number> = []
    while (mixed.length < lane0.length) {
      const from = mixed.length
      const window = Math.floor(((lane0[from]?.place ?? 0) - first) / WINDOW)
      const inside = lane0.filter(({ place }) => Math.floor((place - first) / WINDOW) === window)
      const four = new Uint32Array(4)
      block(lower + from, 0, c2, c3, key0, key1, four, 0)
      const [a = 0, b = 0, c = 0, d = 0] = four
      const order = Rng.make({ algorithm: "xoshiro128**", words: [a, b, c, d] }).permutation(inside.length)
      for (const at of order) mixed.push(inside[at]?.index ?? -1)
    }
    return mixed
  })
  return (position) => {
    const batch = Math.floor(position / own.batchSize)
    return lanes.filter((lane) => lane.length > batch)[position % own.batchSize]?.[batch] ?? -1
  }
}

/** The rows of each window of a stream in a drawn order. */
const byWindows = ({ size }: Case, words: Rng.Rng): ((position: number) => number) => {
  const [key0, key1, c2, c3] = [words.word(), words.word(), words.word(), words.word()]
  return (position) => {
    const window = Math.floor(position / ROWS)
    const four = new Uint32Array(4)
    block(window, 0, c2, c3, key0, key1, four, 0)
    const [a = 0, b = 0, c = 0, d = 0] = four
    const rows = Math.min(ROWS, size - window * ROWS)
    const order = Rng.make({ algorithm: "xoshiro128**", words: [a, b, c, d] }).permutation(rows)
    return window * ROWS + (order[position - window * ROWS] ?? -1)
  }
}

export const keeps = (index: number): boolean => index % 5 !== 3
export const mapped = (index: number, epoch: number): number => index * 3 + epoch
export const mixed = (value: number, word: number): number => value + word / 2 ** 32

/** Which stage and which sample a fault is at. */
export const placeOf = (own: Case, { at, sample }: Pick<Fault, "at" | "sample">) => ({
  stage: at === "dataset" ? "dataset" : (own.stages[at % Math.max(own.stages.length, 1)]?.name ?? "dataset"),
  index: sample % own.size
})

/** How many positions an epoch has. */
export const countOf = ({ sampler, size }: Case): number => {
  if (sampler === "limited") return Math.min(LIMIT, size)
  return sampler === "subset" ? subsetOf(size).length : size
}

/** How many batches an epoch has. */
export const batchesOf = (own: Case): number => {
  const count = countOf(own)
  const full = (count - (count % own.batchSize)) / own.batchSize
  return full * own.batchSize < count && own.last !== "drop" ? full + 1 : full
}

/** What the run says of the last batch; where it would drop all there is, the pipeline's batch says so. */
export const unevenOf = (own: Case): "pad" | "drop" | undefined => {
  if (own.by === "stage" || own.last === "keep") return undefined
  return own.last === "drop" && countOf(own) < own.batchSize ? undefined : own.last
}

const orderOf = (own: Case, rng: () => Rng.Rng): ((position: number) => number) => {
  switch (own.sampler) {
    case "sequential":
      return (position) => position
    case "shuffle":
    case "limited": {
      const items = rng().permutation(own.size)
      return (position) => items[position] ?? -1
    }
    case "subset": {
      const indices = subsetOf(own.size)
      const items = rng().permutation(indices.length)
      return (position) => indices[items[position] ?? -1] ?? -1
    }
    case "shuffleBlocks":
      return byBlocks(own, rng())
    case "shuffleWindow":
      return byWindows(own, rng())
    case "withReplacement": {
      const words = rng()
      const [key0, key1, c2, c3] = [words.word(), words.word(), words.word(), words.word()]
      return (position) => {
        let drawn = 0
        const word = (): number => {
          const four = new Uint32Array(4)
          block(position, Math.floor(drawn / 4) * 2 ** 21, c2, c3, key0, key1, four, 0)
          return four[drawn++ % 4] ?? 0
        }
        return integer({ word }, own.size)
      }
    }
  }
}

/** What a rank is to deliver, by place in the row of all batches of the run. */
export interface Whole {
  /** None where nothing is left of one and the rank is alone. */
  readonly batches: ReadonlyArray<Expected | undefined>
  /** How many samples of each were left out as they failed. */
  readonly left: ReadonlyArray<number>
}

/** Where in an epoch workers or ranks changed under a policy by which they draw: ordinals go on above all that were used. */
export interface Changed {
  readonly epoch: number
  readonly batch: number
}

export const oracle = (own: Case, { rank, workers, world }: Place, changed?: Changed): Whole => {
  const policy = Effect.runSync(SeedPolicy.SeedPolicy.pipe(Effect.provide(SeedPolicy[own.policy]({ seed: own.seed }))))
  const drawn = countOf(own)
  // A padded batch is filled with the first samples of the epoch.
  const count = own.last === "pad" ? batchesOf(own) * own.batchSize : drawn
  // Whether samples of a stream come twice is not known before its end.
  const distinct = own.sampler !== "withReplacement" && (isStream(own) ? own.last !== "pad" : count === drawn)
  const rngAt = (at: Omit<Coordinates, "stage" | "distinct" | "world" | "workers" | "rank">, name: string) => {
    const request = { ...at, rank, world, workers, stage: stageId(name), distinct, indices: [at.index] }
    return Rng.make(seedAt(Either.getOrThrow(policy.seeds(request)), 0))
  }

  const result: Array<Expected | undefined> = []
  const left: Array<number> = []
  const { broken = [], fill = "none" } = own.failures?.skip ?? {}
  const forGood = new Set(broken.map((fault) => JSON.stringify(placeOf(own, fault))))
  const fails = (stage: string, index: number): boolean => forGood.has(JSON.stringify({ stage, index }))
  const batches = batchesOf(own)
  for (let epoch = 0; epoch < own.epochs; epoch++) {
    const start = { epoch, worker: 0, batch: 0, ordinal: 0, position: 0, index: 0 }
    const order = orderOf(own, () => rngAt({ ...start, scope: "epoch" }, "sample"))
    const made = new Map<number, number>()
    const began = new Map<number, number>()
    let used = { samples: 0, batches: 0 }
    for (let batch = 0; batch < batches; batch++) {
      if (changed?.epoch === epoch && changed.batch === batch) {
        made.clear()
        began.clear()
        used = { samples: batch * own.batchSize, batches: batch }
      }
      const worker = batch % workers
      const first = batch * own.batchSize
      const length = Math.min(own.batchSize, count - first)
      const rows: Array<{ readonly index: number; readonly trace: ReadonlyArray<number> } | "left out"> = []
      let head: { readonly position: number; readonly index: number } | undefined
      for (let position = first; position < first + length; position++) {
        // Each rank has a run of neighbors, as many as the others give or take one.
        const place = position - first
        if (place < Math.floor((rank * length) / world) || place >= Math.floor(((rank + 1) * length) / world)) continue
        const index = order(position % drawn)
        head ??= { position, index }
        const ordinal = made.get(worker) ?? used.samples
        made.set(worker, ordinal + 1)
        let trace: Array<number> | undefined = [0]
        let out = fails("dataset", index)
        for (const { kind, name } of own.stages) {
          if (trace === undefined) break
          out ||= fails(name, index)
          if (out) break
          if (kind === "filter") trace = keeps(index) ? trace : undefined
          else if (kind === "map" || kind === "mapEffect") trace.push(mapped(index, epoch))
          else trace.push(rngAt({ scope: "sample", epoch, worker, batch, ordinal, position, index }, name).word())
        }
        if (out) rows.push("left out")
        else if (trace !== undefined) rows.push({ index, trace })
      }
      left.push(rows.filter((row) => row === "left out").length)
      const kept = rows.filter((row) => row !== "left out")
      const delivered =
        fill === "none"
          ? kept
          : rows.flatMap((row, at) => {
              if (row !== "left out") return [row]
              const before =
                rows
                  .slice(0, at)
                  .filter((own) => own !== "left out")
                  .at(-1) ?? kept[0]
              return before === undefined ? [] : [before]
            })
      const indices = delivered.map(({ index }) => index)
      const traces = delivered.map(({ trace }) => trace)
      const ordinal = began.get(worker) ?? used.batches
      began.set(worker, ordinal + 1)
      if (head === undefined || indices.length === 0) {
        // Several ranks stay in step: one that has nothing left of a batch delivers that.
        result.push(world === 1 ? undefined : { epoch, index: batch, worker, indices: [], traces: [] })
        continue
      }
      let numbers = traces.flat()
      for (let stage = 0; stage < own.behind; stage++) {
        const word = rngAt({ scope: "batch", epoch, worker, batch, ordinal, ...head }, `mix ${stage}`).word()
        numbers = numbers.map((value) => mixed(value, word))
      }
      result.push({ epoch, index: batch, worker, indices, traces: numbers })
    }
  }
  return { batches: result, left }
}

const entry = (text: string): string => `${text.length}:${text}`

/** The hash of a batch's columns, as the digest's documentation has it. */
export const hashOf = ({ indices, traces }: Expected): Buffer => {
  const hash = createHash("sha256").update(entry(" record [2]"))
  const width = traces.length / indices.length
  const columns: ReadonlyArray<readonly [string, ReadonlyArray<number>, string]> = [
    ["index", indices, `${indices.length}`],
    ["trace", traces, `${indices.length},${width}`]
  ]
  for (const [name, values, shape] of columns) {
    hash.update(entry(`${name} float64 [${shape}]`)).update(new Uint8Array(Float64Array.from(values).buffer))
  }
  return hash.digest()
}

/** The chain over some batches, from where another one stands. Those without rows are no part of it. */
export const digestOf = (batches: ReadonlyArray<Expected>, from: string): string => {
  let head: Buffer = Buffer.from(from, "hex")
  for (const batch of batches) {
    if (batch.indices.length === 0) continue
    head = createHash("sha256").update(head).update(hashOf(batch)).digest()
  }
  return head.toString("hex")
}
