/**
 * A case of the simulator, as plain data: what is run, in how many legs, and what goes wrong in each.
 */
import fc from "fast-check"

export interface StageCase {
  readonly kind: "augment" | "map" | "filter" | "augmentEffect" | "mapEffect"
  readonly name: string
}

export const samplerKinds = ["sequential", "shuffle", "limited", "subset", "withReplacement", "shuffleBlocks"] as const

export const datasetKinds = ["plain", "effect", "shards", "stream", "seekable", "parts"] as const

/** What goes wrong, and where. */
export interface Fault {
  /** The stage that it happens in: `dataset`, or one of the pipeline's by its place (modulo how many there are). */
  readonly at: "dataset" | number
  /** The sample that it happens to, by its index in the dataset (modulo its size). */
  readonly sample: number
  /** `slow` takes so many milliseconds of the simulated clock; it happens where effects are. */
  readonly how: "fail" | "die" | { readonly slow: number }
  /** How many times in this leg. */
  readonly times: number
}

/** A cursor as it can come out of a bad store. */
export type Corruption =
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "flip"; readonly at: number; readonly by: number }
  | { readonly kind: "number"; readonly at: number; readonly by: number }
  | { readonly kind: "without"; readonly at: number }
  | { readonly kind: "version"; readonly version: number }

/** A step of the disk that fails. */
export interface DiskFault {
  /** Which one, counted from the start of the process. */
  readonly at: number
  readonly code: "ENOSPC" | "EIO" | "EROFS"
}

/** Where checkpoints are kept: without it, in memory that nothing happens to. */
export interface DiskCase {
  /** What is left of the process after a kill: all that it wrote, or what it had synced. */
  readonly cut: "kill" | "power"
  readonly faults: ReadonlyArray<DiskFault>
  /** Which step fails for the next process when it first looks for a checkpoint. */
  readonly reading: number | undefined
}

/** From one start of the processes to their end. */
export interface Leg {
  readonly workers: number
  /** Which of the world sizes that the batch size allows. */
  readonly world: number
  /** Whether workers and ranks that change draws may change: `allow`. */
  readonly allow: boolean
  /** `elsewhere` makes batches as threads do: asked for ahead, answered in their order. */
  readonly backend: "fibers" | "elsewhere"
  readonly order: "plan" | "ready"
  readonly prefetch: number
  /** The trainer keeps a checkpoint every so many batches. */
  readonly every: number
  /** Milliseconds that the consumer takes for a batch. */
  readonly consumer: number
  /** How it ends: killed (what was not kept is lost) or called off at an event, or left after so many batches. */
  readonly end: { readonly how: "kill" | "interrupt" | "leave"; readonly at: number } | undefined
  readonly faults: ReadonlyArray<Fault>
  /** A worker's thread dies for good at its so manyeth batch; only `elsewhere`. */
  readonly death: number | undefined
  /** The cursor comes like this first. */
  readonly corruption: Corruption | undefined
  readonly disk: DiskCase | undefined
  /** Draws whose turn it is. */
  readonly turns: number
}

/** What becomes of samples that fail. */
export interface FailureCase {
  /** Samples that fail for good are left out, all others are tried again; without it, all are tried again. */
  readonly skip:
    | { readonly fill: "none" | "neighbor"; readonly broken: ReadonlyArray<Pick<Fault, "at" | "sample">> }
    | undefined
}

export interface Case {
  readonly size: number
  /**
   * `shards` is read block by block from a store that is slow and breaks connections, and keeps a few blocks. `stream`,
   * `seekable` and `parts` are read in order; of `parts` several are read in turns.
   */
  readonly dataset: (typeof datasetKinds)[number]
  readonly sampler: (typeof samplerKinds)[number] | "shuffleWindow"
  readonly stages: ReadonlyArray<StageCase>
  readonly batchSize: number
  readonly last: "keep" | "drop" | "pad"
  /** Whether the pipeline's batch says so, or the run. */
  readonly by: "stage" | "run"
  /** How many drawing stages stand behind batch. */
  readonly behind: number
  readonly policy: "epochWorker" | "elastic"
  readonly seed: number
  readonly epochs: number
  /** Without it the first failure ends a leg. */
  readonly failures: FailureCase | undefined
  /** Behind these one more goes to the end, with no fault. */
  readonly legs: ReadonlyArray<Leg>
}

/** The world sizes that can share batches of a size. */
export const worlds = (batchSize: number): ReadonlyArray<number> =>
  Array.from({ length: 8 }, (_, place) => place + 1).filter((world) => batchSize % world === 0)

const places: fc.Arbitrary<Fault["at"]> = fc.oneof(fc.constant("dataset" as const), fc.nat({ max: 3 }))

const faults: fc.Arbitrary<Fault> = fc.record({
  at: places,
  sample: fc.nat({ max: 99 }),
  how: fc.oneof(fc.constantFrom("fail" as const, "die" as const), fc.record({ slow: fc.integer({ min: 1, max: 50 }) })),
  times: fc.integer({ min: 1, max: 3 })
})

const corruptions: fc.Arbitrary<Corruption> = fc.oneof(
  fc.record({ kind: fc.constant("cut" as const), at: fc.nat({ max: 900 }) }),
  fc.record({ kind: fc.constant("flip" as const), at: fc.nat({ max: 900 }), by: fc.integer({ min: 1, max: 90 }) }),
  fc.record({ kind: fc.constant("number" as const), at: fc.nat({ max: 9 }), by: fc.constantFrom(-1, 1, 0.5, 1e16) }),
  fc.record({ kind: fc.constant("without" as const), at: fc.nat({ max: 9 }) }),
  fc.record({ kind: fc.constant("version" as const), version: fc.constantFrom(0, 3, 99) })
)

const sometimes = <A>(arbitrary: fc.Arbitrary<A>, weight: number): fc.Arbitrary<A | undefined> =>
  fc.oneof({ weight: 10 - weight, arbitrary: fc.constant(undefined) }, { weight, arbitrary })

const rarely = <A>(arbitrary: fc.Arbitrary<A>): fc.Arbitrary<A | undefined> => sometimes(arbitrary, 2)

const legs: fc.Arbitrary<Leg> = fc.record({
  workers: fc.integer({ min: 1, max: 6 }),
  world: fc.oneof(fc.constant(0), fc.nat({ max: 7 })),
  allow: fc.boolean(),
  backend: fc.constantFrom("fibers" as const, "elsewhere" as const),
  order: fc.constantFrom("plan" as const, "ready" as const),
  prefetch: fc.integer({ min: 1, max: 4 }),
  every: fc.integer({ min: 1, max: 5 }),
  consumer: fc.constantFrom(0, 0, 3),
  end: fc.option(
    fc.oneof(
      fc.record({
        how: fc.constantFrom("kill" as const, "interrupt" as const),
        at: fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 400 }))
      }),
      fc.record({ how: fc.constant("leave" as const), at: fc.nat({ max: 12 }) })
    ),
    { nil: undefined, freq: 4 }
  ),
  faults: fc.array(faults, { maxLength: 2 }),
  death: rarely(fc.nat({ max: 6 })),
  corruption: rarely(corruptions),
  disk: sometimes(
    fc.record({
      cut: fc.constantFrom("kill" as const, "power" as const),
      faults: fc.array(
        fc.record({
          at: fc.nat({ max: 60 }),
          code: fc.constantFrom("ENOSPC" as const, "EIO" as const, "EROFS" as const)
        }),
        { maxLength: 2 }
      ),
      reading: rarely(fc.nat({ max: 8 }))
    }),
    5
  ),
  turns: fc.nat({ max: 2 ** 31 - 1 })
})

const kinds = ["augment", "augment", "map", "filter", "augmentEffect", "mapEffect"] as const

/** An order in lanes fills up each lane with its own first samples, of which the oracle knows nothing. */
const playable = (own: Case): Case => {
  if (isStream(own)) {
    return { ...own, sampler: own.sampler === "sequential" ? "sequential" : "shuffleWindow" }
  }
  return own.sampler === "shuffleBlocks" && own.last === "pad" ? { ...own, last: "keep" } : own
}

/** Whether it is read in order. */
export const isStream = ({ dataset }: Pick<Case, "dataset">): boolean =>
  dataset === "stream" || dataset === "seekable" || dataset === "parts"

const anyCases: fc.Arbitrary<Case> = fc.record({
  size: fc.integer({ min: 1, max: 60 }),
  dataset: fc.constantFrom(...datasetKinds),
  sampler: fc.constantFrom(...samplerKinds),
  stages: fc
    .array(fc.constantFrom(...kinds), { maxLength: 3 })
    .map((row) => row.map((kind, place) => ({ kind, name: `${kind} ${place}` }))),
  batchSize: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.constantFrom(2, 4, 6, 8, 12)),
  last: fc.constantFrom("keep" as const, "drop" as const, "pad" as const),
  by: fc.constantFrom("stage" as const, "run" as const),
  behind: fc.constantFrom(0, 0, 1, 2),
  policy: fc.constantFrom("epochWorker" as const, "elastic" as const),
  seed: fc.nat(),
  epochs: fc.integer({ min: 1, max: 3 }),
  failures: sometimes(
    fc.record({
      skip: sometimes(
        fc.record({
          fill: fc.constantFrom("none" as const, "neighbor" as const),
          broken: fc.array(fc.record({ at: places, sample: fc.nat({ max: 99 }) }), { maxLength: 4 })
        }),
        5
      )
    }),
    5
  ),
  legs: fc.array(legs, { maxLength: 4 })
})

export const cases: fc.Arbitrary<Case> = anyCases.map(playable)

/** What runs to the end when nothing goes wrong any more. */
export const lastLeg = (before: Leg | undefined): Leg => ({
  workers: before?.workers ?? 2,
  world: before?.world ?? 0,
  allow: true,
  backend: "fibers",
  order: "plan",
  prefetch: 2,
  every: 1,
  consumer: 0,
  end: undefined,
  faults: [],
  death: undefined,
  corruption: undefined,
  disk: undefined,
  turns: 1
})
