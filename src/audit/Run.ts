/**
 * An audit of a pipeline under a policy: which of its streams are one and the same, over workers, epochs, ranks and
 * runs with neighboring seeds.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf } from "../core/Options.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import type { RootInput } from "../random/Seed.ts"
import type { Uneven } from "../scheduler/plan/Plan.ts"
import type { Coordinates, CoordinatesError } from "../seeding/Coordinates.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import * as Overlap from "./Overlap.ts"
import { type Started, survey } from "./Survey.ts"

/** @category options @since 0.1.0 */
export interface Options {
  /** Default 3. */
  readonly epochs?: number
  /** Default 4. */
  readonly workers?: number
  /** Default 1. */
  readonly ranks?: number
  /** As `uneven` of `Scheduler.open`. Default `"error"`. */
  readonly uneven?: Uneven | undefined
  /** How many samples of each worker and epoch are looked at, from the first on. Default 8. */
  readonly samples?: number
  /** Up to how many words two streams may be shifted against each other to be found. Default 1000. */
  readonly shift?: number
  /** The runs' seeds, for a layer that is a function of one. Default 42 and 43. */
  readonly seeds?: ReadonlyArray<RootInput>
}

/**
 * What a worker draws in one epoch of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cell {
  /** The run, as an index into `seeds`. */
  readonly run: number
  readonly epoch: number
  readonly rank: number
  readonly worker: number
  /** How many streams it starts. */
  readonly streams: number
}

/**
 * Two cells (indices into `cells`; the same twice for a cell that repeats itself) that draw the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface Meeting {
  readonly first: number
  readonly second: number
  /** How many streams of the second are also the first's. */
  readonly equal: number
  /** How many of its streams run into one of the first's, or the other way round. */
  readonly shifted: number
  /** The smallest of those shifts, in words. */
  readonly shift: number | undefined
}

/**
 * How far apart the cells of meetings stand: `{ run: 0, epoch: 1, rank: 0, worker: -1 }` is worker w of an epoch and
 * worker w − 1 of the next.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pattern {
  readonly run: number
  readonly epoch: number
  readonly rank: number
  readonly worker: number
  /** How many pairs of cells that far apart meet, … */
  readonly met: number
  /** … of how many there are. */
  readonly pairs: number
}

/**
 * Two streams that repeat each other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Repeat {
  /** Whether they start from one state, draw the same from other states, or run into each other. */
  readonly kind: "state" | "draws" | "shifted"
  readonly runs: readonly [number, number]
  readonly coordinates: readonly [Coordinates, Coordinates]
  /** After how many words the first stands where the second starts. */
  readonly shift: number
}

/**
 * What an audit says.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunReport {
  readonly policy: string
  /** Each run's seed, as its policy gives it. */
  readonly seeds: ReadonlyArray<string>
  /** The stages that draw. */
  readonly stages: ReadonlyArray<{ readonly name: string; readonly id: number }>
  readonly verdict: "repeats" | "none seen" | "none by construction"
  /** How many streams were compared, orders of epochs among them. */
  readonly streams: number
  /** How many of them are equal to one before. */
  readonly repeated: number
  /** How many pairs of different streams run into each other. */
  readonly shifted: number
  /** Where the first repeats are, at most 10. */
  readonly examples: ReadonlyArray<Repeat>
  readonly cells: ReadonlyArray<Cell>
  readonly meetings: ReadonlyArray<Meeting>
  readonly patterns: ReadonlyArray<Pattern>
  /** Epochs that have one order, by run and epoch. */
  readonly orders: ReadonlyArray<{
    readonly first: { readonly run: number; readonly epoch: number }
    readonly second: { readonly run: number; readonly epoch: number }
  }>
  /** Where seeds are squeezed: into how many bits, and the odds that two of this many streams are one. */
  readonly odds: { readonly bits: number; readonly probability: number } | undefined
}

const EXAMPLES = 10

interface Placed extends Started {
  readonly run: number
}

/**
 * Audits a pipeline under a policy: asks it for the seeds of all coordinates that the options name, starts every stream, and
 * compares the first words of each with each. No sample is read and no stage is run; a stage's streams are what counts,
 * not what it makes of them. A layer that is a function of a seed is audited over several runs at once.
 *
 * It holds each stream's words: with the defaults 4 KB for each drawing stage and sample looked at.
 *
 * Fails with `InvalidOption` if an option is invalid or the pipeline cannot be planned, `CoordinatesError` where
 * the policy has no seed.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Sampler, SeedAudit, SeedPolicy } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(100)).pipe(
 *   Pipeline.sample(Sampler.shuffle),
 *   Pipeline.augment("noise", (value, rng) => value + rng.normal()),
 *   Pipeline.batch(10)
 * )
 * const report = Effect.runSync(SeedAudit.run(pipeline, (seed) => SeedPolicy.epochWorker({ seed })))
 * console.assert(report.verdict === "none by construction")
 *
 * @category running
 * @since 0.1.0
 */
export const run = <A, E, R, LE>(
  pipeline: Pipeline<A, E, R>,
  layer: Layer.Layer<SeedPolicy, LE> | ((seed: RootInput) => Layer.Layer<SeedPolicy, LE>),
  options: Options = {}
): Effect.Effect<RunReport, LE | InvalidOption | CoordinatesError, Exclude<R, SeedPolicy>> =>
  Effect.gen(function* () {
    const seeds = yield* checked(() => {
      optionsOf("SeedAudit.run", options, {
        epochs: true,
        workers: true,
        uneven: true,
        ranks: true,
        samples: true,
        shift: true,
        seeds: true
      })
      const own: unknown = options.seeds ?? [42, 43]
      if (Array.isArray(own)) return own as ReadonlyArray<RootInput> // each is looked at by the layer that it seeds
      throw new InvalidOption({ option: "seeds", value: own, expected: "an array of seeds, such as [42, 43]" })
    })
    const extent = yield* checked(() => ({
      epochs: whole("epochs", options.epochs ?? 3, 1),
      workers: whole("workers", options.workers ?? 4, 1, 4096),
      ranks: whole("ranks", options.ranks ?? 1, 1),
      uneven: options.uneven,
      samples: whole("samples", options.samples ?? 8, 1),
      words: whole("shift", options.shift ?? 1000, 0, 1e6) + Overlap.WINDOW
    }))
    const layers = yield* checked(() => (typeof layer === "function" ? seeds.map((own) => layer(own)) : [layer]))
    const surveys = yield* Effect.forEach(layers, (own) => Effect.provide(survey(pipeline, extent), own))
    const policy = surveys[0]?.policy

    const streams = surveys.flatMap((own, run) => own.streams.map((one): Placed => ({ ...one, run })))
    const orders = surveys.flatMap((own, run) => own.orders.map((one): Placed => ({ ...one, run })))
    // An order and a stage's stream are compared, too: the first draws of either are the same numbers.
    const all = [...streams, ...orders]
    const shift = extent.words - Overlap.WINDOW
    const overlaps = yield* checked(() =>
      Overlap.find(
        all.map(({ words }) => words),
        { shift }
      )
    )

    const { cells, members } = cellsOf(streams)
    const meetings = meetingsOf(members, overlaps)
    const repeated = all.length - overlaps.distinct
    const clean = repeated === 0 && overlaps.shifted.length === 0
    const classesOfOrders = orders.map((own, index) => ({ own, class: overlaps.classes[streams.length + index] }))
    return {
      policy: policy?.name ?? "none",
      seeds: surveys.map((own) => own.policy?.seed ?? "none"),
      stages: pipeline.stages.filter(({ draws }) => draws).map(({ id }) => id),
      verdict: !clean ? "repeats" : policy?.injective === true ? "none by construction" : "none seen",
      streams: all.length,
      repeated,
      shifted: overlaps.shifted.length,
      examples: examplesOf(all, overlaps),
      cells,
      meetings,
      patterns: patternsOf(cells, meetings),
      orders: classesOfOrders.flatMap((second, index) =>
        classesOfOrders
          .slice(0, index)
          .filter((first) => first.class === second.class)
          .map((first) => ({
            first: { run: first.own.run, epoch: first.own.at.epoch },
            second: { run: second.own.run, epoch: second.own.at.epoch }
          }))
      ),
      odds:
        policy?.bits === undefined ? undefined : { bits: policy.bits, probability: birthday(all.length, policy.bits) }
    } satisfies RunReport
  })

/**
 * The odds that among `count` values of `bits` random bits two are the same.
 *
 * @since 0.1.0
 */
export const birthday = (count: number, bits: number): number => {
  // 1 − e^−x for x = n(n − 1) / 2^(bits + 1); `expm1` keeps small odds from vanishing.
  return -Math.expm1(-(count * (count - 1)) / 2 ** (bits + 1))
}

/** The cells in order, each with its streams' places in the list. */
const cellsOf = (streams: ReadonlyArray<Placed>) => {
  const byPlace = new Map<string, { readonly cell: Omit<Cell, "streams">; readonly members: Array<number> }>()
  for (const [index, { at, run }] of streams.entries()) {
    const key = [run, at.epoch, at.rank, at.worker].join()
    const known = byPlace.get(key)
    if (known !== undefined) known.members.push(index)
    else byPlace.set(key, { cell: { run, epoch: at.epoch, rank: at.rank, worker: at.worker }, members: [index] })
  }
  const ordered = [...byPlace.values()].toSorted(
    ({ cell: a }, { cell: b }) => a.run - b.run || a.epoch - b.epoch || a.rank - b.rank || a.worker - b.worker
  )
  return {
    cells: ordered.map(({ cell, members }): Cell => ({ ...cell, streams: members.length })),
    members: ordered.map(({ members }) => members)
  }
}

const meetingsOf = (
  members: ReadonlyArray<ReadonlyArray<number>>,
  { classes, shifted }: Overlap.Overlaps
): ReadonlyArray<Meeting> => {
  const sets = members.map((own) => new Set(own.map((index) => classes[index] as number))) // a class for each stream
  const neighbors = new Map<number, Array<{ readonly other: number; readonly shift: number }>>()
  const link = (own: number, other: number, shift: number) =>
    neighbors.set(own, [...(neighbors.get(own) ?? []), { other, shift }])
  for (const { earlier, later, shift } of shifted) {
    link(earlier, later, shift)
    link(later, earlier, shift)
  }
  const meetings: Array<Meeting> = []
  for (let second = 0; second < members.length; second++) {
    const own = (members[second] ?? []).map((index) => classes[index] as number)
    const distinct = sets[second]?.size ?? 0
    for (let first = 0; first <= second; first++) {
      const before = sets[first] ?? new Set()
      const equal = first === second ? own.length - distinct : own.filter((one) => before.has(one)).length
      const shifts = own.flatMap((one) => {
        const found = (neighbors.get(one) ?? []).filter(({ other }) => before.has(other))
        return found.length === 0 ? [] : [Math.min(...found.map(({ shift }) => shift))]
      })
      if (equal === 0 && shifts.length === 0) continue
      const shift = shifts.length === 0 ? undefined : Math.min(...shifts)
      meetings.push({ first, second, equal, shifted: shifts.length, shift })
    }
  }
  return meetings
}

/** The differences between the cells that meet, the commonest first. */
const patternsOf = (cells: ReadonlyArray<Cell>, meetings: ReadonlyArray<Meeting>): ReadonlyArray<Pattern> => {
  const difference = (first: Cell, second: Cell) => ({
    run: second.run - first.run,
    epoch: second.epoch - first.epoch,
    rank: second.rank - first.rank,
    worker: second.worker - first.worker
  })
  const key = ({ epoch, rank, run, worker }: ReturnType<typeof difference>) => [run, epoch, rank, worker].join()
  const pairs = new Map<string, number>()
  for (const [place, second] of cells.entries()) {
    for (const first of cells.slice(0, place + 1)) {
      const own = key(difference(first, second))
      pairs.set(own, (pairs.get(own) ?? 0) + 1)
    }
  }
  const found = new Map<string, Pattern>()
  for (const { first, second } of meetings) {
    const apart = difference(cells[first] as Cell, cells[second] as Cell) // meetings name cells by their places
    const own = key(apart)
    const met = (found.get(own)?.met ?? 0) + 1
    found.set(own, { ...apart, met, pairs: pairs.get(own) ?? 0 })
  }
  return [...found.values()].toSorted((a, b) => b.met - a.met || b.met / b.pairs - a.met / a.pairs)
}

const examplesOf = (all: ReadonlyArray<Placed>, { classes, shifted }: Overlap.Overlaps): ReadonlyArray<Repeat> => {
  const examples: Array<Repeat> = []
  const heads = new Map<number, Placed>()
  for (const [index, second] of all.entries()) {
    const own = classes[index] as number // a class for each stream
    const first = heads.get(own)
    if (first === undefined) heads.set(own, second)
    else if (examples.length < EXAMPLES) {
      const kind = first.state === second.state ? "state" : "draws"
      examples.push({ kind, runs: [first.run, second.run], coordinates: [first.at, second.at], shift: 0 })
    }
  }
  for (const { earlier, later, shift } of shifted) {
    if (examples.length === EXAMPLES) break
    const first = heads.get(earlier)
    const second = heads.get(later)
    if (first === undefined || second === undefined) continue
    examples.push({ kind: "shifted", runs: [first.run, second.run], coordinates: [first.at, second.at], shift })
  }
  return examples
}
