/**
 * A pipeline made ready to run: checked against its dataset, its workers and its ranks.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { InvalidResult } from "../../core/InvalidResult.ts"
import { given } from "../../core/Options.ts"
import { shown } from "../../core/Show.ts"
import * as Ambient from "../../patches/Ambient.ts"
import { checkOrder } from "../../pipeline/Fusible.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { Stage } from "../../pipeline/Stage.ts"
import { forbiddenRng } from "../../random/ForbiddenRng.ts"
import * as Rng from "../../random/Rng.ts"
import { type Order, type Sampler, sequential } from "../../sampling/Sampler.ts"
import type { CoordinatesError } from "../../seeding/Coordinates.ts"
import { RecordingRng } from "../../seeding/RecordingRng.ts"
import { coordinates, epochRequest, seedAt } from "../../seeding/Request.ts"
import { ask, type Draw, policyOf, recordDraws, type Service } from "../../seeding/Service.ts"
import { Checkpoints } from "../../sources/stream/Checkpoint.ts"
import { partOf, type RankPart } from "../../sources/stream/Dealing.ts"
import type { StreamSource } from "../../sources/stream/StreamSource.ts"
import * as Plan from "./Plan.ts"

/** Which part of a global batch this process makes. @since 0.1.0 */
export interface Ranks {
  /** This process, from 0 to `world − 1`. Default 0. */
  readonly rank?: number
  /** How many processes share each epoch, at most 65,536. Default 1. */
  readonly world?: number
}

/** How ranks share an epoch. @since 0.1.0 */
export interface Sharing extends Ranks {
  /**
   * What becomes of an epoch's last batch when it is short. `"pad"` fills it with the epoch's first samples, `"drop"`
   * leaves it out, both for every world size, 1 included, so that batches do not depend on it. `"error"` keeps it and
   * fails with `InvalidOption` where several ranks cannot share it equally. Default `"error"`; `dropLast` and `padLast`
   * of the pipeline's batch settle it as well.
   */
  readonly uneven?: Plan.Uneven | undefined
  /**
   * How many batches an epoch of a stream has: each rank delivers as many. Required where several ranks read different rows,
   * `ranks: "shards"` or `"source"` of the stream source, since none knows how many the others have. Rows behind them are an
   * error, unless `uneven` is `"drop"`; a rank whose rows end before fails, unless it is `"pad"`. Default: an epoch
   * ends where the stream does.
   */
  readonly steps?: number | undefined
}

/**
 * A pipeline made ready, and all that its workers share.
 *
 * @since 0.1.0
 */
export interface RunPlan {
  readonly pipeline: Pipeline<unknown, unknown, unknown>
  readonly plan: Plan.Plan
  /** The dataset's size when the run was opened. */
  readonly size: number
  /** Whether an epoch visits an index at most once. */
  readonly distinct: (epoch: number) => boolean
  /** Without a policy no stage draws. */
  readonly policy: Service | undefined
  /** The order of an epoch, made once: from position to dataset index. Throws what the sampler throws. */
  readonly order: (epoch: number) => Either.Either<Order, CoordinatesError>
  /** What is read in order, if the pipeline is over a stream source. */
  readonly stream: StreamPlan | undefined
  /** Keeps the orders of an epoch and of those behind it, however many they are: workers still come to them. */
  readonly keepFrom: (epoch: number) => void
  /** The same run plan, of which one epoch continues with another batch size, workers or ranks. Throws `InvalidOption`. */
  readonly resized: (resized: Plan.Resized) => RunPlan
}

/** How a run reads a stream source. @since 0.1.0 */
export interface StreamPlan {
  readonly source: StreamSource<unknown, unknown, unknown>
  /** How many rows are permuted among themselves. */
  readonly window: number
  /** What this rank reads, if it is not all of it. */
  readonly part: RankPart | undefined
  /** Where the source stood before each window, as far as a cursor may need it. */
  readonly checkpoints: Checkpoints
}

/** How many rows of a stream a batch has: of those that this rank reads. @since 0.1.0 */
export const batchRows = ({ plan, stream }: RunPlan): number =>
  stream?.part === undefined ? plan.batchSize : plan.batchSize / plan.world

/** The row of a stream at which a batch begins, of those that this rank reads. @since 0.1.0 */
export const rowAt = (runPlan: RunPlan, epoch: number, batch: number): number =>
  rowOf(runPlan, Plan.positionOf(runPlan.plan, epoch, batch))

/** The row of a stream for the position at which a batch begins. @since 0.1.0 */
export const rowOf = ({ plan, stream }: RunPlan, position: number): number =>
  stream?.part === undefined ? position : position / plan.world

/**
 * Returns the run plan of a pipeline. `policy` may be missing if no stage draws. Throws `InvalidOption` if the pipeline has no
 * `batch`, draws without a policy, or if its dataset or the ranks give no plan.
 *
 * @since 0.1.0
 */
export const make = (
  pipeline: Pipeline<unknown, unknown, unknown>,
  workers: number,
  ranks: Sharing,
  policy: Service | undefined
): RunPlan => {
  given("the pipeline", pipeline, "Pipeline.from(dataset).pipe(…)")
  const { ambient, dataset, stages } = pipeline
  const batch = stages.find((stage) => stage._tag === "Batch")
  if (batch === undefined) {
    const value = stages.map(({ id }) => id.name)
    throw new InvalidOption({ option: "the pipeline", value, expected: "one with Pipeline.batch" })
  }
  checkOrder(stages.flatMap((own) => ("fusible" in own && own.fusible !== undefined ? [own.fusible] : [])))
  if (policy === undefined && (ambient === "derive" || stages.some((stage) => stage.draws))) {
    const expected =
      "given, since the pipeline draws: furrow(pipeline, { seed: 42, … }), or with Effect Effect.provide(SeedPolicy.epochWorker({ seed: 42 }))"
    throw new InvalidOption({ option: "SeedPolicy", value: undefined, expected })
  }
  if (policy !== undefined) knownStages(policyOf(policy), pipeline)
  const size = whole(
    `the size of dataset ${dataset.name}`,
    asked(`the size of dataset ${dataset.name}`, () => dataset.size),
    1
  )
  const stage = stages.find((own) => own._tag === "Sample")
  const sampler = stage?.sampler ?? sequential
  const options: Plan.Options = {
    count: asked(`the count of sampler ${sampler.name}`, () => sampler.count(size)),
    batchSize: batch.size,
    dropLast: batch.dropLast,
    padLast: batch.padLast,
    rank: ranks.rank ?? 0,
    world: ranks.world ?? 1,
    uneven: ranks.uneven,
    workers,
    lanes: lanesOf(sampler, size),
    isStream: dataset.stream !== undefined,
    steps: ranks.steps
  }
  const stream =
    dataset.stream && streamed(dataset.stream, { window: sampler.window, batch: batch.size }, options, policy)
  const planned = (resized: Plan.Resized | undefined): RunPlan => {
    const plan = Plan.make({
      ...options,
      cut: cutting(batch, options.count, (epoch) => Either.getOrThrowWith(own.order(epoch), (error) => error)),
      resized
    })
    const order = (epoch: number): Either.Either<Order, CoordinatesError> =>
      stage?.draws === true && policy !== undefined
        ? drawnOrder(stage, policy, epoch, size, plan, pipeline)
        : Either.right(orderOf(ambient, sampler, size, forbiddenRng, dataset.blocks))
    const placed = (epoch: number, own: Order): Order => {
      const drawnAt = plan.drawnAt(epoch)
      return drawnAt === undefined ? own : through(own, drawnAt)
    }
    const own = remembered((epoch) => Either.map(order(epoch), (drawn) => placed(epoch, drawn)))
    return {
      pipeline,
      plan,
      size,
      // A sample that fills a batch comes a second time, with draws of its own.
      distinct: (epoch) => sampler.distinct && plan.end(epoch) <= plan.drawn,
      policy,
      stream,
      ...own,
      resized: planned
    }
  }
  return planned(undefined)
}

/** How a stream is read. Throws where the policy would need to build what stands before a batch, however long that is. */
const streamed = (
  source: StreamSource<unknown, unknown, unknown>,
  { batch, window }: { readonly window: number | undefined; readonly batch: number },
  { rank, world }: Pick<Plan.Options, "rank" | "world">,
  policy: Service | undefined
): StreamPlan => {
  const dealt = source.ranks.window
  if (dealt !== undefined && window !== undefined && dealt !== window) {
    const expected = `${window}, as many rows as Pipeline.shuffleWindow permutes among themselves, or "windows"`
    throw new InvalidOption({ option: `ranks.windows of stream ${source.name}`, value: dealt, expected })
  }
  if (policy?.carries === undefined) {
    const part = partOf(source, { rank, world })
    return { source, window: window ?? dealt ?? batch, part, checkpoints: new Checkpoints() }
  }
  const expected = `one that seeds samples, such as SeedPolicy.epochWorker: policy ${policy.name} carries its streams from sample to sample, and ${source.name} can only be read in order`
  throw new InvalidOption({ option: "SeedPolicy", value: policy.name, expected })
}

/** The order with other positions. */
const through = (order: Order, at: (position: number) => number): Order => {
  const { rows } = order
  const own: Order = (position) => order(at(position))
  return rows === undefined ? own : Object.assign(own, { rows: (positions: Float64Array) => rows(positions.map(at)) })
}

/** How a batch stage cuts an epoch itself, if it does. */
const cutting = (
  { cuts, size }: Extract<Stage, { readonly _tag: "Batch" }>,
  count: number,
  order: (epoch: number) => Order
): Plan.Options["cut"] =>
  cuts === undefined
    ? undefined
    : (epoch, { position }) => cuts.cut({ epoch, from: position, count, size, order: () => order(epoch) })

/** Throws where a policy names a stage that draws nothing here. */
const knownStages = ({ name, names = [] }: Service, pipeline: Pipeline<unknown, unknown, unknown>): void => {
  const { ambient, stages } = pipeline
  const drawing = stages.filter((own) => own.draws || (ambient === "derive" && own._tag !== "Sample"))
  const own = drawing.map(({ id }) => id.name)
  const unknown = names.find((one) => !own.includes(one))
  if (unknown === undefined) return
  const expected = own.length === 0 ? "left out: no stage draws" : `a stage that draws: ${own.join(", ")}`
  throw new InvalidOption({ option: `a stage of the policy ${name}`, value: unknown, expected })
}

/** The sampler's lanes, in a list of our own: the caller's may change. Throws `InvalidOption` unless it gives a list. */
const lanesOf = (sampler: Sampler<unknown>, size: number): ReadonlyArray<number> | undefined => {
  const option = `the lanes of sampler ${sampler.name}`
  const wanted = "a list of whole numbers, the size of each lane"
  const own = asked(
    option,
    (): unknown => {
      const lanes: unknown = sampler.lanes?.(size)
      return Array.isArray(lanes) || (ArrayBuffer.isView(lanes) && !(lanes instanceof DataView))
        ? Array.from(lanes as ArrayLike<unknown>) // it has a length
        : lanes
    },
    wanted
  )
  if (own === undefined) return undefined
  if (Array.isArray(own)) return own
  throw new InvalidOption({ option, value: own, expected: wanted })
}

/** Asks a caller's code for figures; what it throws is an option that cannot be had. */
const asked = <A>(option: string, ask: () => A, wanted = "a number"): A => {
  try {
    return ask()
  } catch (thrown) {
    if (thrown instanceof InvalidOption) throw thrown
    throw new InvalidOption({
      option,
      value: undefined,
      expected: `${wanted}, but asking for it threw ${shown(thrown)}`
    })
  }
}

/** One order serves all workers and ranks: its seed is always requested with rank 0 and worker 0. */
const drawnOrder = (
  { id, sampler }: Extract<Stage, { readonly _tag: "Sample" }>,
  policy: Service,
  epoch: number,
  size: number,
  { workers, world }: Plan.Plan,
  { ambient, dataset: { blocks } }: Pipeline<unknown, unknown, unknown>
): Either.Either<Order, CoordinatesError> => {
  const request = epochRequest(id, epoch, { distinct: sampler.distinct, workers, world })
  return Either.flatMap(ask(policy, request), (seeds) => {
    const rng = Rng.make(seedAt(seeds, 0))
    if (policy.record === undefined) return Either.right(orderOf(ambient, sampler, size, rng, blocks))
    const draws: Array<Draw> = []
    const order = orderOf(ambient, sampler, size, new RecordingRng(rng, coordinates(request, 0), draws), blocks)
    return Either.map(
      recordDraws(policy, draws, () => request),
      () => order
    )
  })
}

/** The order that a sampler gives. Throws what it throws. */
const orderOf = (
  ambient: Ambient.Setting,
  sampler: Sampler<unknown>,
  size: number,
  rng: Rng.Rng,
  blocks: Float64Array | undefined
): Order => {
  // Those of another size are none of this dataset's.
  const own = blocks?.at(-1) === size ? blocks : undefined
  const order: unknown = Ambient.plain(Ambient.sampling(ambient), () => sampler.order(size, rng, own))
  if (typeof order === "function") return order as Order // the type of `Sampler.order`
  const expected = "the order of a sampler is a function from position to index"
  throw new InvalidResult({ what: `gave ${shown(order)} for an order`, expected })
}

/** How many epochs' orders are kept that no worker comes to any more, for batches that are verified. */
const KEPT = 16

/** Makes each epoch's order once for all workers, and keeps the last ones. */
const remembered = (make: RunPlan["order"]): Pick<RunPlan, "order" | "keepFrom"> => {
  const known = new Map<number, Either.Either<Order, CoordinatesError>>()
  let floor = Number.POSITIVE_INFINITY
  /** Drops the oldest of those that no worker comes to any more. */
  const drop = (): void => {
    for (const epoch of known.keys()) if (epoch < floor && known.size > KEPT) known.delete(epoch)
  }
  return {
    order: (epoch) => {
      const before = known.get(epoch)
      if (before !== undefined) return before
      const order = make(epoch)
      if (Either.isRight(order)) known.set(epoch, order)
      drop()
      return order
    },
    keepFrom: (epoch) => {
      floor = epoch
      drop()
    }
  }
}
