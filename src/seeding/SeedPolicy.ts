/**
 * The seeding policy: the service that turns coordinates into seeds.
 *
 * A pipeline that draws names {@link SeedPolicy} among its requirements, so it does not compile until a layer provides
 * one, and another layer changes how every stage is seeded without a change to the pipeline.
 *
 * Both policies made here pack coordinates into the 128-bit counter of Philox4x32-10 under the run's 64-bit key.
 * Packing loses nothing and Philox is a bijection, so two coordinates never start from one state; what does not fit is
 * a {@link CoordinatesError}, never a wrap-around. (That two streams meet *further on* stays a matter of odds: about
 * n² · length / 2^128 for n streams.) `Counter.ts` has the table of bits.
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
import { checked, type InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, optionsOf, textOf, truth } from "../core/Options.ts"
import { type Parameters, type ParametersOption, valid } from "../core/Parameters.ts"
import * as Rng from "../random/Rng.ts"
import * as Seed from "../random/Seed.ts"
import { type Coordinates, type CoordinatesError, stageId } from "./Coordinates.ts"
import { makers } from "./PackedPolicies.ts"
import { coordinates, epochRequest, seedAt } from "./Request.ts"
import { ask, asSound, ownPolicy, reasonOf, refused, type Service, started } from "./Service.ts"

export type { Request, RowCoordinates, Seeds } from "./Request.ts"
export type { Carries, Draw, Service } from "./Service.ts"

/**
 * The tag of the seeding policy.
 *
 * @category services
 * @since 0.1.0
 */
export class SeedPolicy extends Context.Tag("furrow/SeedPolicy")<SeedPolicy, Service>() {}

/**
 * Returns a stream for random numbers that belong to the run but not to a stage, such as a model's initial weights. Its
 * coordinates are a name and, for one stream per epoch, an epoch. `sample` is the name of the epochs' orders.
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
 * @category constructors
 * @since 0.1.0
 */
export const stream = (name: string, epoch = 0): Effect.Effect<Rng.Rng, CoordinatesError | InvalidOption, SeedPolicy> =>
  Effect.gen(function* () {
    const policy = yield* SeedPolicy
    const stage = yield* checked(() => stageId(textOf("the name of a stream", name)))
    const seeds = yield* ask(policy, epochRequest(stage, epoch))
    return Rng.make(seedAt(seeds, 0))
  })

/** The options of `epochWorker` and `elastic`. @category options @since 0.1.0 */
export interface Options {
  /** A whole number from 0 to 2^53 − 1, a bigint below 2^64, or a string. */
  readonly seed: Seed.RootInput
}

/** The names by which {@link fromConfig} and the command line choose a policy. @category constants @since 0.1.0 */
export const names: ReadonlyArray<string> = Object.keys(makers)

/**
 * The RNG derived from epoch and worker: the stream of a sample depends on (epoch, rank, worker, how many samples that
 * worker had before in the epoch, stage). Another number of workers gives other draws. Epochs are below 2^24, ranks below
 * 2^16, workers below 2^12, with up to 2^40 samples per worker and epoch. A child is numbered by the ordinal of the sample
 * that it came of, a packed row by the ordinal of its window: then epochs are below 2^16, ordinals below 2^32, with up to
 * 2^16 rows each. Fails with `SeedError` if the seed is invalid.
 *
 * @example
 * import { Effect } from "effect"
 * import { SeedPolicy } from "furrow"
 *
 * const layer = SeedPolicy.epochWorker({ seed: 42 })
 * const name = SeedPolicy.SeedPolicy.pipe(Effect.map((policy) => policy.name), Effect.provide(layer))
 * console.assert(Effect.runSync(name) === "epochWorker")
 *
 * @category layers
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
 * that the two visits draw different numbers. Epochs are below 2^32, indices below 2^53. Fails with `SeedError` if
 * the seed is invalid.
 *
 * @category layers
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
 * @category layers
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
 * @category conversions
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
 * const fixed = SeedPolicy.fromFunction("fixed", ({ index, stage }) => ({ algorithm: "philox4x32-10", words: [index, stage.id] }))
 *
 * const pipeline = Pipeline.from(Dataset.range(10)).pipe(
 *   Pipeline.augment("noise", (value, rng) => value + rng.normal()),
 *   Pipeline.batch(5)
 * )
 * const of = (epoch: number) =>
 *   Effect.runSync(Effect.provide(Scheduler.replay(pipeline, { epoch, position: 3, workers: 1 }), fixed))
 * console.assert(JSON.stringify(of(0)) === JSON.stringify(of(7)))
 *
 * @category layers
 * @since 0.1.0
 */
export const fromFunction = (
  name: string,
  seed: (coordinates: Coordinates) => Seed.Seed,
  options: ParametersOption & { readonly elastic?: boolean; readonly seed?: string } = {}
): Layer.Layer<SeedPolicy> => {
  textOf("the name of SeedPolicy.fromFunction", name)
  functionOf("the function of SeedPolicy.fromFunction", seed)
  optionsOf("SeedPolicy.fromFunction", options, { elastic: true, parameters: true, seed: true })
  const own = {
    name,
    seed: textOf("seed", options.seed ?? "its own"),
    ...declared(name, options),
    elastic: truth("elastic", options.elastic ?? false)
  }
  const policy = ownPolicy({
    ...own,
    // The function sees coordinates only, made for it.
    seeds: asSound((request) => {
      const seeds: Array<Seed.Seed> = []
      for (let row = 0; row < request.indices.length; row++) {
        try {
          seeds.push(started(seed(coordinates(request, row))))
        } catch (thrown) {
          return refused(own, request, reasonOf(thrown), row)
        }
      }
      return Either.right({ _tag: "Listed", seeds })
    })
  })
  return Layer.succeed(SeedPolicy, policy)
}
