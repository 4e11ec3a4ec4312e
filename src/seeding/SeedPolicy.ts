/**
 * The seeding policy: the service that turns coordinates into seeds.
 *
 * A pipeline that draws names {@link SeedPolicy} among its requirements, so it does not compile until a layer provides
 * one, and another layer changes how every stage is seeded without a change to the pipeline.
 *
 * Both policies made here pack coordinates into the 128-bit counter of Philox4x32-10 under the run's 64-bit key.
 * Packing loses nothing and Philox is a bijection, so two coordinates never start from one state; what does not fit is
 * a {@link CoordinatesError}, never a wrap-around. (That two streams meet *further on* stays a matter of odds: about
 * n² · length / 2^128 for n streams.)
 *
 * ```text
 *             c3        c2                          c1                                        c0
 * samples     stage 32  rank high 8 | epoch 24      tag 4 | rank low 8 | worker 12 | ord. 8   ordinal 32
 * elastic     stage 32  epoch 32                    tag 4 | 0 7 | index high 21               index 32
 * an epoch    stage 32  epoch 32                    tag 4 | 0 28                              0
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, optionsOf, textOf, truth } from "../core/Options.ts"
import { type Parameters, type ParametersOption, valid } from "../core/Parameters.ts"
import { block, blocks } from "../random/generators/Philox.ts"
import { algorithm as xoshiro } from "../random/generators/Xoshiro128.ts"
import * as Rng from "../random/Rng.ts"
import { type Coordinates, CoordinatesError, type Scope, type StageId, stageId } from "./Coordinates.ts"
import * as Seed from "./Seed.ts"

/**
 * A request for the seeds of one stage: one for an epoch or a batch, one a sample for all samples of a batch.
 *
 * @since 0.1.0
 */
export interface Request {
  readonly scope: Scope
  readonly stage: StageId
  readonly epoch: number
  readonly rank: number
  readonly world: number
  readonly worker: number
  readonly workers: number
  readonly batch: number
  /** The ordinal of the first; the rest follow one by one. */
  readonly ordinal: number
  /** The position of the first in the epoch's order; the rest follow one by one. */
  readonly position: number
  /** The dataset index of each sample; its length is the number of seeds asked for. */
  readonly indices: ArrayLike<number>
  readonly distinct: boolean
}

/**
 * The coordinates of the `row`-th seed that a request asks for.
 *
 * @since 0.1.0
 */
export const coordinates = (request: Request, row: number): Coordinates => ({
  scope: request.scope,
  stage: request.stage,
  epoch: request.epoch,
  rank: request.rank,
  world: request.world,
  worker: request.worker,
  workers: request.workers,
  batch: request.batch,
  ordinal: request.ordinal + row,
  position: request.position + row,
  index: request.indices[row] ?? 0,
  distinct: request.distinct
})

/**
 * Seeds as a policy hands them out: packed, `width` words a seed in one array (the fast form, which also travels to
 * threads as it is), or listed one by one. Or carried: no row has a seed of its own; the worker starts one stream at
 * `seed` when it first meets `slot`, and every row after goes on where the one before left it. That is how loaders seed
 * that seed their workers; only a policy that {@link Service.carries} may.
 *
 * @since 0.1.0
 */
export type Seeds =
  | { readonly _tag: "Packed"; readonly algorithm: string; readonly width: number; readonly words: Uint32Array }
  | { readonly _tag: "Listed"; readonly seeds: ReadonlyArray<Seed.Seed> }
  | { readonly _tag: "Carried"; readonly slot: string; readonly seed: Seed.Seed }

/**
 * How long a worker's streams go on: till the end of the epoch, or of the run.
 *
 * @since 0.1.0
 */
export type Carries = "epoch" | "run"

/**
 * The `row`-th of some seeds as a value; of carried ones, where the stream started. Throws `InvalidOption` when there
 * are not so many.
 *
 * @since 0.1.0
 */
export const seedAt = (seeds: Seeds, row: number): Seed.Seed => {
  if (seeds._tag === "Carried") return seeds.seed
  if (seeds._tag === "Packed") {
    const { algorithm, width, words } = seeds
    if (!(row >= 0 && (row + 1) * width <= words.length)) throw noSeed(words.length / width, row)
    return { algorithm, words: Array.from(words.subarray(row * width, (row + 1) * width)) }
  }
  const seed = seeds.seeds[row]
  if (seed === undefined) throw noSeed(seeds.seeds.length, row)
  return seed
}

const noSeed = (count: number, row: number): InvalidOption =>
  new InvalidOption({ option: "row", value: row, expected: `a row of the ${count} seeds that the policy gave` })

/**
 * One draw as a recording policy sees it: where, by which method of `Rng`, with what arguments, and what came.
 *
 * @since 0.1.0
 */
export interface Draw {
  readonly coordinates: Coordinates
  readonly method: string
  readonly arguments: ReadonlyArray<unknown>
  readonly value: unknown
}

/**
 * What a seed policy does.
 *
 * @since 0.1.0
 */
export interface Service {
  /** The policy's name, for logs, errors and the environment. */
  readonly name: string
  /** The run's seed as text. */
  readonly seed: string
  /**
   * What its seeds depend on besides name, seed and coordinates. Cursors compare it. Default: not compared, since the
   * policy's code cannot be seen.
   */
  readonly parameters?: Parameters
  /** Whether what it gives is independent of the number of workers; then so are the batches. */
  readonly elastic: boolean
  /** One seed for each of `request.indices`. */
  readonly seeds: (request: Request) => Effect.Effect<Seeds, CoordinatesError>
  /**
   * Present on a policy whose streams continue from sample to sample. It gives up what other policies offer: the draws of
   * a sample depend on everything that its worker drew before, so stages run sample by sample, one after another, and a
   * replay has to build everything from the start of the stream.
   */
  readonly carries?: Carries
  /** Present where two places never have one start state, by construction and not by odds. */
  readonly injective?: true
  /**
   * Present where seeds are squeezed into fewer bits than keep streams apart: how many are left. An audit then tells the
   * odds that two of a run's streams are the same.
   */
  readonly bits?: number
  /**
   * Present on a policy that names some stages: a run refuses a name that is not the name of a stage that draws in it.
   */
  readonly names?: ReadonlyArray<string>
  /** When present, every draw of every batch is reported to it, batch by batch as they are made. */
  readonly record?: (draws: ReadonlyArray<Draw>) => Effect.Effect<void>
  /**
   * Present on a policy that looks on (an audit, say): what it stands in front of, to be asked for seeds that are no news,
   * as when a batch is made again to see whether it comes out the same.
   */
  readonly unobserved?: Service
}

/**
 * The tag of the seeding policy.
 *
 * @since 0.1.0
 */
export class SeedPolicy extends Context.Tag("furrow/SeedPolicy")<SeedPolicy, Service>() {}

/**
 * The request for what is drawn once an epoch, for all workers and ranks alike: the order of its samples, and
 * {@link stream}.
 *
 * @since 0.1.0
 */
export const epochRequest = (
  stage: StageId,
  epoch: number,
  { distinct = true, workers = 1, world = 1 }: { distinct?: boolean; workers?: number; world?: number } = {}
): Request => ({
  scope: "epoch",
  stage,
  epoch,
  rank: 0,
  world,
  worker: 0,
  workers,
  batch: 0,
  ordinal: 0,
  position: 0,
  indices: [0],
  distinct
})

/**
 * A stream for random numbers that belong to the run but not to a stage, such as a model's initial weights. It is
 * addressed by a name and, for one stream per epoch, an epoch. `sample` is the name of the epochs' orders.
 *
 * @example
 * import { Effect } from "effect"
 * import { SeedPolicy } from "furrow"
 *
 * const weights = SeedPolicy.stream("weights").pipe(
 *   Effect.map((rng) => rng.fillNormal(new Float32Array(10), 0, 0.05)),
 *   Effect.provide(SeedPolicy.epochWorker({ seed: 42 }))
 * )
 * console.assert(Effect.runSync(weights).length === 10)
 *
 * @since 0.1.0
 */
export const stream = (name: string, epoch = 0): Effect.Effect<Rng.Rng, CoordinatesError | InvalidOption, SeedPolicy> =>
  Effect.gen(function* () {
    const policy = yield* SeedPolicy
    const stage = yield* checked(() => stageId(textOf("the name of a stream", name)))
    const seeds = yield* policy.seeds(epochRequest(stage, epoch))
    return Rng.make(seedAt(seeds, 0))
  })

/** How a policy of this module is seeded. @since 0.1.0 */
export interface Options {
  /** A whole number from 0 to 2^53 − 1, a bigint below 2^64, or a string. */
  readonly seed: Seed.RootInput
}

/** Tags keep the kinds of coordinates apart inside the counter. Tag 0 is nobody's: see {@link start}. */
const TAG_EPOCH = 1
const TAG_WORKER_SAMPLE = 2
const TAG_WORKER_BATCH = 3
const TAG_INDEX = 4
const TAG_POSITION = 5
const TAG_ELASTIC_BATCH = 6

const TWO_POW_32 = 2 ** 32

/** Packs the coordinates of a request's rows, from the first on, as `words[4 * row …]`; says what does not fit. */
type Pack = (request: Request, key: Seed.Root, words: Uint32Array) => Misfit | undefined

/** Why a row has no place in the counter. */
interface Misfit {
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

const packWorker: Pack = (request, key, words) => {
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

const packElastic: Pack = (request, key, words) => {
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

/** What policies that need no effect give, by the `seeds` that stand for it as effects. */
const plainly = new WeakMap<Service["seeds"], (request: Request) => Seeds | undefined>()

/**
 * What a policy's `seeds` would give, without an effect: for Furrow's own, which are asked for every stage of every
 * batch. None for others, for one that is wrapped, and where `seeds` would fail.
 *
 * @since 0.1.0
 */
export const seedsNow = ({ seeds }: Service, request: Request): Seeds | undefined => plainly.get(seeds)?.(request)

/** Whether a policy gives its seeds without an effect. @since 0.1.0 */
export const givesNow = ({ seeds }: Service): boolean => plainly.has(seeds)

/**
 * A policy that gives its seeds without an effect, too: `now` gives what `seeds` would, or none where that takes one.
 *
 * @since 0.1.0
 */
export const givingNow = (policy: Service, now: (request: Request) => Seeds | undefined): Service => {
  plainly.set(policy.seeds, now)
  return policy
}

const packed = (name: string, elastic: boolean, pack: Pack, seed: Seed.Root): Service => {
  const made = (request: Request): Seeds | Misfit => {
    const words = new Uint32Array(4 * request.indices.length)
    const off = misfit(request) ?? (request.scope === "epoch" ? packEpoch : pack)(request, seed, words)
    return off ?? { _tag: "Packed", algorithm: xoshiro, width: 4, words }
  }
  const seeds: Service["seeds"] = (request) =>
    Effect.suspend(() => {
      const own = made(request)
      if ("_tag" in own) return Effect.succeed(own)
      const { reason, row } = own
      return Effect.fail(
        new CoordinatesError({ policy: name, seed: seed.text, coordinates: coordinates(request, row), reason })
      )
    })
  return givingNow({ name, seed: seed.text, parameters: {}, elastic, injective: true, seeds }, (request) => {
    const own = made(request)
    return "_tag" in own ? own : undefined
  })
}

const makers = {
  epochWorker: (seed: Seed.Root): Service => packed("epochWorker", false, packWorker, seed),
  elastic: (seed: Seed.Root): Service => packed("elastic", true, packElastic, seed)
}

/** The names by which {@link fromConfig} and the command line choose a policy. @since 0.1.0 */
export const names: ReadonlyArray<string> = Object.keys(makers)

/**
 * The RNG derived from epoch and worker: the stream of a sample depends on (epoch, rank, worker, how many samples that
 * worker had before in the epoch, stage). Another number of workers gives other draws. Has room for epochs below 2^24,
 * ranks below 2^16, workers below 2^12 and 2^40 samples per worker and epoch. Fails with `SeedError` if the seed is invalid.
 *
 * @example
 * import { Effect } from "effect"
 * import { SeedPolicy } from "furrow"
 *
 * const layer = SeedPolicy.epochWorker({ seed: 42 })
 * const name = SeedPolicy.SeedPolicy.pipe(Effect.map((policy) => policy.name), Effect.provide(layer))
 * console.assert(Effect.runSync(name) === "epochWorker")
 *
 * @since 0.1.0
 */
export const epochWorker = (options: Options): Layer.Layer<SeedPolicy, Seed.SeedError | InvalidOption> =>
  seeded("SeedPolicy.epochWorker", options, makers.epochWorker)

const seeded = (of: string, options: Options, make: (seed: Seed.Root) => Service) =>
  Layer.effect(
    SeedPolicy,
    Effect.flatMap(
      checked(() => optionsOf(of, options, { seed: true })),
      ({ seed }) => Effect.map(Seed.root(seed), make)
    )
  )

/**
 * The stream of a sample depends only on (epoch, index of the sample, stage): the number of workers and ranks changes
 * nothing, up to `batch`; stages after it draw once for each rank's share of a batch. If the sampler may visit an index
 * twice in an epoch (with replacement, for example), the position in the epoch's order is used instead of the index, so
 * that the two visits draw different numbers. Has room for epochs below 2^32 and indices below 2^53. Fails with
 * `SeedError` if the seed is invalid.
 *
 * @since 0.1.0
 */
export const elastic = (options: Options): Layer.Layer<SeedPolicy, Seed.SeedError | InvalidOption> =>
  seeded("SeedPolicy.elastic", options, makers.elastic)

/**
 * The policy that the environment names: `FURROW_SEED_POLICY` (`epochWorker` when not set) seeded by `FURROW_SEED`
 * (digits are a number, all else a string). Without `FURROW_SEED` the seed is 0, and a warning in the log says so when
 * the layer is built. Fails with `ConfigError` when either cannot be read. Reads through Effect's `ConfigProvider`, so a
 * test or a file can stand in for the environment.
 *
 * @since 0.1.0
 */
export const fromConfig: Layer.Layer<SeedPolicy, ConfigError.ConfigError> = Layer.effect(
  SeedPolicy,
  Effect.gen(function* () {
    const text = yield* Config.option(Config.string("FURROW_SEED"))
    const seed = yield* Either.mapLeft(Seed.parse(Option.getOrElse(text, () => "0")), ({ reason }) =>
      ConfigError.InvalidData(
        ["FURROW_SEED"],
        `${quoted(Option.getOrElse(text, () => ""))} cannot seed a run: ${reason}`
      )
    )
    const name = yield* Config.string("FURROW_SEED_POLICY").pipe(Config.withDefault("epochWorker"))
    const policy = yield* byName(name, seed)
    if (Option.isNone(text)) {
      yield* Effect.logWarning("FURROW_SEED is not set: the run's seed is 0; set it, to 0 if that is meant")
    }
    return policy
  })
)

/** A text from the environment; a ConfigError puts its whole message into double quotes. */
const quoted = (text: string): string => `'${text}'`

/**
 * The policy of a name, as {@link fromConfig} and the command line take it.
 *
 * @since 0.1.0
 */
export const byName = (name: string, seed: Seed.Root): Either.Either<Service, ConfigError.ConfigError> => {
  if (name === "epochWorker" || name === "elastic") return Either.right(makers[name](seed))
  const reason = `${quoted(name)} is no seed policy; choose ${names.join(" or ")}`
  return Either.left(ConfigError.InvalidData(["FURROW_SEED_POLICY"], reason))
}

const declared = (name: string, options: ParametersOption): { readonly parameters?: Parameters } => {
  const parameters = valid(`parameters of policy ${name}`, options.parameters)
  return parameters === undefined ? {} : { parameters }
}

/**
 * A policy of your own: a name and a pure function from coordinates to a seed. If the function throws, or returns an
 * invalid seed, the run fails with a {@link CoordinatesError}. Throws `InvalidOption` for an empty name, for a `seed` that is
 * not a function, for invalid options, and for `parameters` that cannot be compared.
 *
 * Use `philox4x32-10` for words of your own, which mixes them. The words of `xoshiro128**` are the state of the generator:
 * similar words give similar first draws.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Scheduler, SeedPolicy } from "furrow"
 *
 * // Every epoch draws the same: a fixed validation augmentation.
 * const fixed = SeedPolicy.make("fixed", ({ index, stage }) => ({ algorithm: "philox4x32-10", words: [index, stage.id] }))
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(
 *   Pipeline.augment("noise", (value, rng) => value + rng.normal()),
 *   Pipeline.batch(5)
 * )
 * const of = (epoch: number) =>
 *   Effect.runSync(Effect.provide(Scheduler.replay(pipeline, { epoch, position: 3, workers: 1 }), fixed))
 * console.assert(JSON.stringify(of(0)) === JSON.stringify(of(7)))
 *
 * @since 0.1.0
 */
export const make = (
  name: string,
  seed: (coordinates: Coordinates) => Seed.Seed,
  options: ParametersOption & { readonly elastic?: boolean; readonly seed?: string } = {}
): Layer.Layer<SeedPolicy> => {
  textOf("the name of SeedPolicy.make", name)
  functionOf("the function of SeedPolicy.make", seed)
  optionsOf("SeedPolicy.make", options, { elastic: true, parameters: true, seed: true })
  return Layer.succeed(SeedPolicy, {
    name,
    seed: textOf("seed", options.seed ?? "its own"),
    ...declared(name, options),
    elastic: truth("elastic", options.elastic ?? false),
    seeds: (request) =>
      Effect.suspend(() => {
        const seeds: Array<Seed.Seed> = []
        for (let row = 0; row < request.indices.length; row++) {
          const at = coordinates(request, row)
          try {
            const own = Seed.validate(seed(at))
            // Started here once for its checks, so that a bad seed is the policy's error and not the stage's.
            Rng.make(own)
            seeds.push(own)
          } catch (cause) {
            return Effect.fail(
              new CoordinatesError({
                policy: name,
                seed: options.seed ?? "its own",
                coordinates: at,
                reason: cause instanceof Error ? cause.message : String(cause)
              })
            )
          }
        }
        return Effect.succeed<Seeds>({ _tag: "Listed", seeds })
      })
  })
}
