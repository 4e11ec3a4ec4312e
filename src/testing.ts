/**
 * Layered test doubles for seeding. Each is a layer of `SeedPolicy`: it swaps in with `Effect.provide`, and the pipeline
 * under test stays the one in production.
 *
 * @since 0.1.0
 */
import { Context, Data, Effect, Layer } from "effect"
import { InvalidOption } from "./InvalidOption.ts"
import { type Coordinates, CoordinatesError, format } from "./seeding/Coordinates.ts"
import { algorithm as xoshiro } from "./seeding/generators/Xoshiro128.ts"
import * as Rng from "./seeding/Rng.ts"
import * as Seed from "./seeding/Seed.ts"
import {
  coordinates,
  type Draw,
  epochWorker,
  make,
  type Request,
  SeedPolicy,
  type Seeds,
  type Service,
  seedAt
} from "./seeding/SeedPolicy.ts"

export type { Draw } from "./seeding/SeedPolicy.ts"

type PolicyLayer<E, R> = Layer.Layer<SeedPolicy, E, R>

/** What a double falls back to where it has nothing of its own to say. */
const usual: Layer.Layer<SeedPolicy> = Layer.orDie(epochWorker({ seed: 0 }))

const over = <E, R>(inner: PolicyLayer<E, R>, change: (inner: Service) => Service): PolicyLayer<E, R> =>
  Layer.provide(Layer.effect(SeedPolicy, Effect.map(SeedPolicy, change)), inner)

/**
 * One and the same start state at every place: every sample, worker and epoch draws the same numbers. It is the bug
 * that Furrow ends, for tests that want it: equal inputs give equal outputs, and an audit finds repeats.
 *
 * Fails with `SeedError` for a seed that is none.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Scheduler } from "furrow"
 * import { constant } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.fromArray([0, 0])).pipe(
 *   Pipeline.augment("noise", (x, rng) => x + rng.normal()),
 *   Pipeline.batch(2)
 * )
 * const at = (position: number) => Scheduler.replay(pipeline, { epoch: 0, position, workers: 1 })
 * const both = Effect.all([at(0), at(1)]).pipe(Effect.provide(constant(7)))
 * const [first, second] = Effect.runSync(both)
 * console.assert(JSON.stringify(first) === JSON.stringify(second))
 *
 * @since 0.1.0
 */
export const constant = (seed: Seed.RootInput = 0): Layer.Layer<SeedPolicy, Seed.SeedError> =>
  Layer.unwrapEffect(
    Effect.map(Seed.root(seed), ({ high, low, text }) =>
      // The last word keeps the state from being all zero.
      make("constant", () => ({ algorithm: xoshiro, words: [low, high, 0, 1] }), { seed: text, elastic: true })
    )
  )

/**
 * The draws of a script: the same for every stream, by the stage's name, or as a function of the place. `undefined`, or
 * a stage that is not named, leaves the place to the policy below.
 *
 * @since 0.1.0
 */
export type Script =
  | ReadonlyArray<number>
  | Readonly<Record<string, ReadonlyArray<number>>>
  | ((coordinates: Coordinates) => ReadonlyArray<number> | undefined)

/**
 * A stage drew more often than its script has draws.
 *
 * @since 0.1.0
 */
export class ScriptExhausted extends Data.TaggedError("ScriptExhausted")<{
  /** The place, as `Coordinates.format` has it. */
  readonly at: string
  /** How many draws the script has. */
  readonly length: number
  /** The method that asked for one more, such as `integer(9)`. */
  readonly asked: string
}> {
  override get message(): string {
    return `the script of ${this.length} draws is at its end, ${this.asked} asks for one more at ${this.at}`
  }
}

/**
 * A script has a number that the call in question can never give.
 *
 * @since 0.1.0
 */
export class ScriptMismatch extends Data.TaggedError("ScriptMismatch")<{
  readonly at: string
  /** Which draw of the script, counted from 0. */
  readonly draw: number
  readonly value: number
  readonly asked: string
  readonly expected: string
}> {
  override get message(): string {
    return `draw ${this.draw} of the script is ${this.value}, but ${this.asked} gives ${this.expected}; at ${this.at}`
  }
}

/** The algorithm whose "state" is its script. */
const SCRIPTED = "scripted"

/**
 * Numbers from a script instead of a generator. A script gives what the *primitive* draws return, one number a call:
 * `word`, `float`, `double`, `integer` and `standardNormal`. All else follows from those as ever: `uniform(a, b)` scales
 * a `double`, `bernoulli(p)` compares a `float`, `normal(m, s)` scales a `standardNormal`, `between`, `shuffle` and
 * `permutation` take `integer`s, `choice` takes `integer`s or, with weights, `double`s.
 *
 * It starts anew at each place. A script that runs out is a {@link ScriptExhausted}, a number that the call cannot give
 * a {@link ScriptMismatch}; both come as the `cause` of the stage's `StageError`. A fork of a scripted stream is an
 * ordinary stream. Where the script has nothing, such as the order of an epoch (stage `sample`), `rest` seeds
 * (`epochWorker({ seed: 0 })`).
 *
 * @example
 * import { Effect, Option } from "effect"
 * import { Dataset, Pipeline, Scheduler } from "furrow"
 * import { scripted } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.fromArray([10, 20])).pipe(
 *   Pipeline.augment("shift", (x, rng) => x + rng.integer(9)),
 *   Pipeline.batch(2)
 * )
 * const sample = Scheduler.replay(pipeline, { epoch: 0, position: 1, workers: 1 })
 * const shifted = Effect.runSync(sample.pipe(Effect.provide(scripted({ shift: [4] }))))
 * console.assert(Option.getOrNull(shifted) === 24)
 *
 * @since 0.1.0
 */
export const scripted = <E = never, R = never>(
  script: Script,
  rest: Layer.Layer<SeedPolicy, E, R> = usual
): Layer.Layer<SeedPolicy, E, R> =>
  over(rest, (inner) => ({
    ...inner,
    name: "scripted",
    seeds: (request) =>
      Effect.map(inner.seeds(request), (seeds): Seeds => {
        const own = Array.from({ length: request.indices.length }, (_, row) => {
          const at = coordinates(request, row)
          const draws = drawsAt(script, at)
          return draws === undefined ? seedAt(seeds, row) : pack(draws, format(at))
        })
        return { _tag: "Listed", seeds: own }
      })
  }))

const drawsAt = (script: Script, at: Coordinates): ReadonlyArray<number> | undefined => {
  if (typeof script === "function") return script(at)
  // An array is for the stages; the order of an epoch is not meant by it.
  if (isList(script)) return at.scope === "epoch" ? undefined : script
  return script[at.stage.name]
}

const isList = (script: Script): script is ReadonlyArray<number> => Array.isArray(script)

/**
 * A script as the words of a seed, so that it travels wherever seeds do: how many draws, the draws as float64 (low word
 * first), then the place in UTF-16, for the error's sake.
 */
const pack = (draws: ReadonlyArray<number>, at: string): Seed.Seed => {
  const words = new Uint32Array(Float64Array.from(draws).buffer)
  return { algorithm: SCRIPTED, words: [draws.length, ...words, ...Array.from(at, (_, index) => at.charCodeAt(index))] }
}

class ScriptedRng extends Rng.Rng {
  readonly seed: Seed.Seed
  readonly #draws: Float64Array
  readonly #at: string
  #next = 0

  constructor(seed: Seed.Seed) {
    super()
    const [length = 0] = seed.words
    this.seed = seed
    this.#draws = new Float64Array(Uint32Array.from(seed.words.slice(1, 1 + 2 * length)).buffer)
    this.#at = String.fromCharCode(...seed.words.slice(1 + 2 * length))
  }

  word(): number {
    return this.#take("word()", "a whole number from 0 to 2^32 - 1", (value) => value >>> 0 === value)
  }

  override float(): number {
    return this.#take("float()", "a number from 0 to below 1", (value) => value >= 0 && value < 1)
  }

  override double(): number {
    return this.#take("double()", "a number from 0 to below 1", (value) => value >= 0 && value < 1)
  }

  override integer(bound: number): number {
    const possible = (value: number) => Number.isInteger(value) && value >= 0 && value < bound
    return this.#take(`integer(${bound})`, `a whole number from 0 to ${bound - 1}`, possible)
  }

  override standardNormal(): number {
    return this.#take("standardNormal()", "a finite number", Number.isFinite)
  }

  #take(asked: string, expected: string, possible: (value: number) => boolean): number {
    const draw = this.#next++
    const value = this.#draws[draw]
    const at = this.#at
    if (value === undefined) throw new ScriptExhausted({ at, length: this.#draws.length, asked })
    if (!possible(value)) throw new ScriptMismatch({ at, draw, value, asked, expected })
    return value
  }
}

Rng.register(SCRIPTED, (seed) => new ScriptedRng(seed))

/**
 * What a recording policy has seen.
 *
 * @since 0.1.0
 */
export class Recording extends Context.Tag("furrow/testing/Recording")<
  Recording,
  {
    /**
     * All draws of the batches made so far, in the order of (epoch, rank, batch): so the list does not hang on timing.
     * Within a batch they stand as they were made; an epoch's order comes first. Batches made ahead are in it, too.
     */
    readonly draws: Effect.Effect<ReadonlyArray<Draw>>
  }
>() {}

/**
 * Seeds as `policy` does (default `epochWorker({ seed: 0 })`) and keeps every draw with its coordinates, readable after
 * the run through {@link Recording}. Slow, and it holds all of it in memory: for tests.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Pipeline, Scheduler, Workers } from "furrow"
 * import { Recording, recording } from "furrow/testing"
 *
 * const pipeline = Pipeline.from(Dataset.range(4)).pipe(
 *   Pipeline.augment("flip", (x, rng) => (rng.bernoulli(0.5) ? -x : x)),
 *   Pipeline.batch(2)
 * )
 * const program = Effect.gen(function* () {
 *   yield* Stream.runDrain(Scheduler.stream(pipeline))
 *   return yield* (yield* Recording).draws
 * })
 * const draws = await program.pipe(Effect.provide(recording()), Effect.provide(Workers.fibers(2)), Effect.runPromise)
 * console.assert(draws.map(({ coordinates }) => coordinates.index).join() === "0,1,2,3")
 *
 * @since 0.1.0
 */
export const recording = <E = never, R = never>(
  policy: Layer.Layer<SeedPolicy, E, R> = usual
): Layer.Layer<SeedPolicy | Recording, E, R> =>
  Layer.provide(
    Layer.effectContext(
      Effect.map(SeedPolicy, (inner) => {
        const batches: Array<ReadonlyArray<Draw>> = []
        const record = (draws: ReadonlyArray<Draw>) =>
          Effect.sync(() => {
            if (draws.length > 0) batches.push(draws)
          })
        const draws = Effect.sync(() => batches.toSorted(byPlace).flat())
        return Context.make(SeedPolicy, { ...inner, record }).pipe(Context.add(Recording, { draws }))
      })
    ),
    policy
  )

const byPlace = (a: ReadonlyArray<Draw>, b: ReadonlyArray<Draw>): number => {
  const [first] = a
  const [second] = b
  if (first === undefined || second === undefined) return 0
  const [x, y] = [first.coordinates, second.coordinates]
  const order = ({ scope }: Coordinates) => (scope === "epoch" ? 0 : 1)
  return x.epoch - y.epoch || order(x) - order(y) || x.rank - y.rank || x.batch - y.batch
}

/**
 * Refuses a seed, with a `CoordinatesError`, at the places that `at` picks: by a function, or by the fields that it
 * names (`{ epoch: 1, index: 7 }`; a stage by its name). Everywhere else `rest` seeds (`epochWorker({ seed: 0 })`).
 *
 * @since 0.1.0
 */
export const failing = <E = never, R = never>(
  at: Place | ((coordinates: Coordinates) => boolean),
  rest: Layer.Layer<SeedPolicy, E, R> = usual
): Layer.Layer<SeedPolicy, E, R> => {
  const matches = typeof at === "function" ? at : matching(at)
  return over(rest, (inner) => ({
    ...inner,
    name: "failing",
    seeds: (request: Request) => {
      for (let row = 0; row < request.indices.length; row++) {
        const place = coordinates(request, row)
        if (!matches(place)) continue
        const reason = "the test double `failing` refuses this place"
        return Effect.fail(new CoordinatesError({ policy: "failing", seed: inner.seed, coordinates: place, reason }))
      }
      return inner.seeds(request)
    }
  }))
}

/** Some fields of a place; a stage goes by its name. @since 0.1.0 */
export type Place = Partial<Omit<Coordinates, "stage">> & { readonly stage?: string }

const matching = (at: Place) => {
  const fields = Object.entries(at)
  if (fields.length === 0) {
    throw new InvalidOption({ option: "at", value: at, expected: "at least one field, or a function" })
  }
  return (place: Coordinates): boolean =>
    fields.every(([field, value]) => (field === "stage" ? place.stage.name : Reflect.get(place, field)) === value)
}
