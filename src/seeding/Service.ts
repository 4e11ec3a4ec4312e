/**
 * What a seed policy does, and the one way to ask it.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type { Parameters } from "../core/Parameters.ts"
import { shown } from "../core/Show.ts"
import { type Coordinates, CoordinatesError } from "./Coordinates.ts"
import { coordinates, type Request, type Seeds } from "./Request.ts"

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
   * built. What it throws becomes a `CoordinatesError`.
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

/**
 * Asks a policy for the seeds of a request. What its code throws, and an answer that does not fit the request, is a
 * `CoordinatesError`.
 *
 * @since 0.1.0
 */
export const ask = (policy: Service, request: Request): Either.Either<Seeds, CoordinatesError> => {
  let answer: Either.Either<Seeds, CoordinatesError>
  try {
    answer = policy.seeds(request)
  } catch (thrown) {
    return refused(policy, request, reasonOf(thrown))
  }
  // What code without types may give.
  if (!Either.isEither(answer)) {
    return refused(policy, request, `it gave ${shown(answer)} instead of an Either of seeds`)
  }
  if (Either.isLeft(answer)) return answer
  const reason = unfit(policy, answer.right, request.indices.length)
  if (reason !== undefined) return refused(policy, request, reason)
  policy.observe?.(request, answer.right)
  return answer
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
export const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : typeof thrown === "string" ? thrown : shown(thrown)

/** Why seeds cannot be what `count` rows start from. */
const unfit = ({ carries }: Service, seeds: Seeds, count: number): string | undefined => {
  const tag: unknown = Predicate.isRecord(seeds) ? seeds._tag : undefined
  if (tag !== "Packed" && tag !== "Listed" && tag !== "Carried") return `it gave ${shown(seeds)} instead of seeds`
  if (seeds._tag === "Carried") {
    return carries === undefined ? "it gave a stream to carry on, but has no `carries`" : undefined
  }
  const given = seeds._tag === "Packed" ? seeds.words.length / seeds.width : seeds.seeds.length
  return given === count ? undefined : `it gave ${given} seeds where ${count} were asked for`
}
