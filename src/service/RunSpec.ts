/**
 * The run that a trainer requests, as a query: `pipeline=digits&seed=42&epochs=3&rank=0&world=2`.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import * as Seed from "../random/Seed.ts"
import * as Plan from "../scheduler/plan/Plan.ts"
import * as SeedPolicy from "../seeding/SeedPolicy.ts"

/**
 * Which run a service is asked for. Trainers that ask for equal runs share one.
 *
 * @category options
 * @since 0.1.0
 */
export interface RunSpec {
  /** The pipeline's name at the service. Default: its only pipeline. */
  readonly pipeline?: string
  /** The run's seed. Required if the pipeline draws. */
  readonly seed?: Seed.RootInput
  /** How seeds are derived from it. Default `"epochWorker"`. */
  readonly policy?: "epochWorker" | "elastic"
  /** Epochs 0 to `epochs` − 1. One of `epochs`, `epoch` and a cursor to go on from is required. */
  readonly epochs?: number
  /** This epoch alone. */
  readonly epoch?: number
  readonly rank?: number
  readonly world?: number
  /** What happens to a batch that ranks cannot share equally. Default `"error"`. */
  readonly uneven?: "pad" | "drop" | "error"
  /** The batches of an epoch. Required for several ranks that read different rows of a stream. */
  readonly steps?: number
  /** The number of workers, on which some policies' seeds depend. Default: the service's own number. */
  readonly workers?: number
  /** Keep a digest of all that is delivered. Default `false`. */
  readonly digest?: boolean
}

/** A run as it was checked; `key` is equal for equal runs. @since 0.1.0 */
export interface CheckedSpec extends RunSpec {
  readonly key: string
  readonly root: Seed.Root
  readonly policy: "epochWorker" | "elastic"
}

const NAMES = [
  "pipeline",
  "seed",
  "policy",
  "epochs",
  "epoch",
  "rank",
  "world",
  "uneven",
  "steps",
  "workers",
  "digest"
] as const

/** A service seeds and shares as many workers at most as a run may have. */
const MOST_WORKERS = 4096

/** Writes a run as a query. @since 0.1.0 */
export const toQuery = (spec: RunSpec): URLSearchParams => {
  const query = new URLSearchParams()
  for (const name of NAMES) {
    const value = spec[name]
    if (value !== undefined) query.set(name, String(value))
  }
  return query
}

/**
 * Reads a run from a query; other names than its own are left to the caller in `rest`. Throws `InvalidOption` for names that
 * are unknown or come twice, and for values that cannot be meant.
 *
 * @since 0.1.0
 */
export const fromQuery = (query: URLSearchParams, others: ReadonlyArray<string>): CheckedSpec => {
  const known: ReadonlyArray<string> = [...NAMES, ...others]
  for (const name of new Set(query.keys())) {
    const expected = `one of ${known.join(", ")}`
    if (!known.includes(name)) throw new InvalidOption({ option: "a parameter of the query", value: name, expected })
    if (query.getAll(name).length > 1) {
      throw new InvalidOption({ option: name, value: query.getAll(name), expected: "given once" })
    }
  }
  const text = (name: (typeof NAMES)[number]) => query.get(name) ?? undefined
  const number = (name: (typeof NAMES)[number], min: number, max?: number) => {
    const own = text(name)
    if (own === undefined) return {}
    if (!/^\d{1,16}$/.test(own)) {
      throw new InvalidOption({ option: name, value: own, expected: `a whole number of at least ${min}` })
    }
    return { [name]: whole(name, Number(own), min, max) }
  }
  const choice = <A extends string>(name: (typeof NAMES)[number], of: ReadonlyArray<A>): A | undefined => {
    const own = text(name)
    const found = of.find((one) => one === own)
    if (own === undefined || found !== undefined) return found
    throw new InvalidOption({ option: name, value: own, expected: `one of ${of.join(", ")}` })
  }
  if (query.has("epochs") && query.has("epoch")) {
    throw new InvalidOption({ option: "epochs", value: text("epochs"), expected: "left out beside epoch" })
  }
  if (!["epochs", "epoch", "from"].some((name) => query.has(name))) {
    const expected = "given (epochs=3 for epochs 0 to 2), or epoch=2 for epoch 2 alone, or a cursor as from"
    throw new InvalidOption({ option: "epochs", value: undefined, expected })
  }
  const seed = text("seed") ?? "0"
  const root = Either.getOrThrowWith(
    Seed.parse(seed),
    ({ reason }) => new InvalidOption({ option: "seed", value: seed, expected: `a seed: ${reason}` })
  )
  const uneven = choice("uneven", ["pad", "drop", "error"])
  const digest = choice("digest", ["true", "false"])
  const pipeline = text("pipeline")
  const spec: RunSpec = {
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(text("seed") === undefined ? {} : { seed }),
    policy: choice("policy", POLICIES) ?? "epochWorker",
    ...number("epochs", 0),
    ...number("epoch", 0),
    ...number("rank", 0),
    ...number("world", 1, Plan.MAX_WORLD),
    ...(uneven === undefined ? {} : { uneven }),
    ...number("steps", 1),
    ...number("workers", 1, MOST_WORKERS),
    ...(digest === undefined ? {} : { digest: digest === "true" })
  }
  return { ...spec, policy: spec.policy ?? "epochWorker", root, key: toQuery(spec).toString() }
}

const POLICIES = ["epochWorker", "elastic"] as const satisfies ReadonlyArray<string>

/** The policy of a run. @since 0.1.0 */
export const policyOf = ({ policy, root }: CheckedSpec) => SeedPolicy.byName(policy, root)

/** A cursor as it stands in a query. @since 0.1.0 */
export const cursorText = (cursor: unknown): string => Buffer.from(JSON.stringify(cursor)).toString("base64url")

/** The value of which {@link cursorText} made a text. Throws `InvalidOption` if the text is not that of a cursor. @since 0.1.0 */
export const cursorFrom = (text: string): unknown => {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"))
  } catch {
    throw new InvalidOption({ option: "from", value: text, expected: "a cursor as JSON in base64url" })
  }
}
