/**
 * What a seed policy does, and the one way to ask it.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { InvalidOption } from "../core/InvalidOption.ts"
import { madeFor } from "../core/MadeFor.ts"
import type { Parameters } from "../core/Parameters.ts"
import { shown } from "../core/Show.ts"
import { algorithm as xoshiro } from "../random/generators/Xoshiro128.ts"
import * as Rng from "../random/Rng.ts"
import * as Seed from "../random/Seed.ts"
import { type Coordinates, CoordinatesError } from "./Coordinates.ts"
import type { Misfit } from "./Counter.ts"
import { coordinates, type Request, type Seeds, seedAt } from "./Request.ts"

/**
 * How long a worker's streams continue: to the end of the epoch, or of the run.
 *
 * @category models
 * @since 0.1.0
 */
export type Carries = "epoch" | "run"

/**
 * One recorded draw: where it was made, by which method of `Rng`, with what arguments, and its value.
 *
 * @category models
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
 * @category models
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
  /** Whether its seeds are independent of the number of workers; then so are the batches. */
  readonly elastic: boolean
  /**
   * Returns one seed for each of `request.indices`. It is plain code and deterministic: one instance of a layer gives the
   * same seeds for the same request, whenever it is asked. What needs an effect, entropy too, happens when the layer is
   * built. What it throws, and seeds that no generator can start from, become a `CoordinatesError`. The arrays of the
   * request are its own; nothing that it writes to them is seen.
   */
  readonly seeds: (request: Request) => Either.Either<Seeds, CoordinatesError>
  /**
   * Present on a policy whose streams continue from sample to sample. It gives up what other policies offer: the draws of
   * a sample depend on everything that its worker drew before, so stages run sample by sample, one after another, and a
   * replay has to build everything from the start of the stream.
   */
  readonly carries?: Carries
  /** Present if two coordinates never share a start state, by construction rather than by odds. */
  readonly injective?: true
  /**
   * Present if seeds are reduced to so few bits that streams may be equal by chance: how many bits. An audit then says how
   * likely it is that two streams of a run are.
   */
  readonly bits?: number
  /** Present on a policy that names stages: a run refuses a name that no drawing stage of it has. */
  readonly names?: ReadonlyArray<string>
  /** If present, it is called once for each order of an epoch and each finished batch, with all that was drawn for it. */
  readonly record?: (draws: ReadonlyArray<Draw>) => void
  /** If present, it is called with the seeds that each order and each stage of a batch starts from. */
  readonly observe?: (request: Request, seeds: Seeds) => void
}

/** The property of functions whose seeds are known to fit, and which write to nothing that they are given. */
const SOUND = Symbol("furrow/sound")

/**
 * Returns `seeds`, marked as a function of this library: {@link ask} neither copies what it is given nor looks through
 * what it gives. A policy around another one that keeps its function keeps the mark.
 *
 * @since 0.1.0
 */
export const asSound = (seeds: Service["seeds"]): Service["seeds"] =>
  Object.defineProperty(seeds, SOUND, { value: true })

/** Returns a policy of this library, whose parameters are those of its seeds. @since 0.1.0 */
export const ownPolicy = (policy: Service): Service => madeFor(policy, ["seeds"], ["parameters"])

/** A policy as plain data, from which another thread can make its function again. @since 0.1.0 */
export interface Derivation {
  readonly name: "epochWorker" | "elastic"
  readonly root: Seed.Root
}

/** The property of functions that can be made again elsewhere. */
const DERIVED = Symbol("furrow/derived")

/**
 * Returns `seeds`, marked as a function that its name and root say all of. A policy around another one that keeps its
 * function keeps the mark.
 *
 * @since 0.1.0
 */
export const asDerived = (seeds: Service["seeds"], derivation: Derivation): Service["seeds"] =>
  Object.defineProperty(asSound(seeds), DERIVED, { value: derivation })

/** What a policy's seeds can be derived from elsewhere, if that is known. @since 0.1.0 */
export const derivationOf = ({ seeds }: Service): Derivation | undefined =>
  // Only `asDerived` defines it.
  (seeds as { readonly [DERIVED]?: Derivation })[DERIVED]

/** Returns `policy`. Throws `InvalidOption` if a field of it cannot be used. @since 0.1.0 */
export const policyOf = (policy: Service): Service => {
  const { carries, name, names, observe, record, seeds } = policy
  const refuse = (field: string, value: unknown, expected: string): never => {
    throw new InvalidOption({ option: `${field} of the policy ${shown(name)}`, value, expected })
  }
  if (typeof seeds !== "function") refuse("seeds", seeds, "a function")
  if (carries !== undefined && carries !== "epoch" && carries !== "run") {
    refuse("carries", carries, '"epoch" or "run", or left out')
  }
  if (names !== undefined && !(Array.isArray(names) && names.every((own) => typeof own === "string"))) {
    refuse("names", names, "an array of the names of stages, or left out")
  }
  for (const [field, own] of Object.entries({ observe, record })) {
    if (own !== undefined && typeof own !== "function") refuse(field, own, "a function, or left out")
  }
  return policy
}

/**
 * Asks a policy for the seeds of a request. What its code throws, and an answer that does not fit the request, is a
 * `CoordinatesError`. A policy of one's own is given copies, and what it gives is copied, so that neither can change later.
 *
 * @since 0.1.0
 */
export const ask = (policy: Service, request: Request): Either.Either<Seeds, CoordinatesError> => {
  try {
    const own = SOUND in policy.seeds
    const answer = policy.seeds(own ? request : copyOf(request))
    // What code without types may give.
    if (!Either.isEither(answer)) {
      return refused(policy, request, `it gave ${shown(answer)} instead of an Either of seeds`)
    }
    if (Either.isLeft(answer)) {
      return answer.left instanceof CoordinatesError ? answer : refused(policy, request, reasonOf(answer.left))
    }
    const seeds = own ? answer.right : fitting(policy, answer.right, request.indices.length)
    if ("reason" in seeds) return refused(policy, request, seeds.reason, seeds.row)
    return own && policy.observe === undefined ? answer : observed(policy, request, seeds)
  } catch (thrown) {
    return refused(policy, request, reasonOf(thrown))
  }
}

/**
 * Tells a policy of seeds that were given for a request, and returns them. What its code throws is a `CoordinatesError`.
 *
 * @since 0.1.0
 */
export const observed = (policy: Service, request: Request, seeds: Seeds): Either.Either<Seeds, CoordinatesError> => {
  try {
    policy.observe?.(request, seeds)
    return Either.right(seeds)
  } catch (thrown) {
    return refused(policy, request, `its \`observe\` threw ${shown(thrown)}`)
  }
}

/**
 * Hands draws to a policy that records them. What its code throws is a `CoordinatesError` at what `request` returns.
 *
 * @since 0.1.0
 */
export const recordDraws = (
  policy: Service,
  draws: ReadonlyArray<Draw>,
  request: () => Request
): Either.Either<void, CoordinatesError> => {
  try {
    return Either.right(policy.record?.(draws))
  } catch (thrown) {
    return refused(policy, request(), `its \`record\` threw ${shown(thrown)}`)
  }
}

/** Why a policy has no seed for a row of a request, by default the first. @since 0.1.0 */
export const refused = (
  { name, seed }: Pick<Service, "name" | "seed">,
  request: Request,
  reason: string,
  row = 0
): Either.Either<never, CoordinatesError> =>
  Either.left(new CoordinatesError({ policy: name, seed, coordinates: coordinates(request, row), reason }))

/** What was thrown, as the reason of a `CoordinatesError`. @since 0.1.0 */
export const reasonOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error ? String(thrown.message) : shown(thrown)
  } catch {
    return shown(thrown) // a Proxy whose traps throw
  }
}

/** Returns a request whose arrays are its own. @since 0.1.0 */
export const copyOf = (request: Request): Request => {
  const { indices, rows } = request
  const own = { ...request, indices: new Float64Array(indices) }
  if (rows === undefined) return own
  const { children, mix, ordinals, positions, windows } = rows
  return {
    ...own,
    rows: {
      ...(ordinals === undefined ? {} : { ordinals: new Float64Array(ordinals) }),
      ...(positions === undefined ? {} : { positions: new Float64Array(positions) }),
      ...(mix === undefined
        ? {}
        : { mix: { components: new Float64Array(mix.components), passes: new Float64Array(mix.passes) } }),
      ...(windows === undefined ? {} : { windows: new Float64Array(windows) }),
      ...(children === undefined ? {} : { children: new Float64Array(children) })
    }
  }
}

/** Returns a copy of seeds from which `count` rows can start, or the row that cannot. */
const fitting = ({ carries }: Service, seeds: Seeds, count: number): Seeds | Misfit => {
  const tag: unknown = Predicate.isRecord(seeds) ? seeds._tag : undefined
  if (tag !== "Packed" && tag !== "Listed" && tag !== "Carried") {
    return { row: 0, reason: `it gave ${shown(seeds)} instead of seeds` }
  }
  if (seeds._tag === "Packed") return packed(seeds, count)
  if (seeds._tag === "Listed") {
    const given: unknown = seeds.seeds
    if (!Array.isArray(given)) return { row: 0, reason: `its list of seeds is ${shown(given)} instead of an array` }
    if (given.length !== count) return { row: 0, reason: miscounted(given.length, count) }
    const own: Array<Seed.Seed> = []
    for (let row = 0; row < count; row++) {
      try {
        own.push(started(given[row]))
      } catch (thrown) {
        return { row, reason: reasonOf(thrown) }
      }
    }
    return { _tag: "Listed", seeds: own }
  }
  if (carries === undefined) return { row: 0, reason: "it gave a stream to carry on, but has no `carries`" }
  const { slot } = seeds
  if (typeof slot === "string") return { _tag: "Carried", slot, seed: started(seeds.seed) }
  return { row: 0, reason: `the slot of its stream is ${shown(slot)} instead of a text` }
}

const miscounted = (given: number, count: number): string => `it gave ${given} seeds where ${count} were asked for`

const packed = (
  { algorithm, width, words }: Extract<Seeds, { readonly _tag: "Packed" }>,
  count: number
): Seeds | Misfit => {
  if (!(words instanceof Uint32Array)) {
    return { row: 0, reason: `its words are ${shown(words)} instead of a Uint32Array` }
  }
  const fits = algorithm === xoshiro ? width === 4 : Number.isSafeInteger(width) && width > 0
  if (!fits) return { row: 0, reason: `a seed of ${shown(algorithm)} cannot have the width ${shown(width)}` }
  if (words.length !== width * count) return { row: 0, reason: miscounted(words.length / width, count) }
  const own = { _tag: "Packed", algorithm, width, words: words.slice() } as const
  for (let row = 0; row < count; row++) {
    // Without a call a row for the generator that most policies use: any state will do but all zeros.
    const at = 4 * row
    if (algorithm === xoshiro && (own.words[at] || own.words[at + 1] || own.words[at + 2] || own.words[at + 3]))
      continue
    try {
      started(seedAt(own, row))
    } catch (thrown) {
      return { row, reason: reasonOf(thrown) }
    }
  }
  return own
}

/**
 * Returns a copy of a seed. Throws if no generator can start from it, which is the policy's error and not the stage's.
 *
 * @since 0.1.0
 */
export const started = (seed: unknown): Seed.Seed => {
  const { algorithm, words } = seedOf(seed)
  const own = { algorithm, words: Array.from(words) }
  Rng.make(own)
  return own
}

const seedOf = (seed: unknown): Seed.Seed => {
  try {
    return Seed.validate(seed)
  } catch {
    // What the schema says takes a line for each level of it.
    throw new Error(`${shown(seed)} is no seed, which is { algorithm, words } with whole words from 0 to 4294967295`)
  }
}
