/**
 * The run that a trainer requests, as a query: `pipeline=digits&seed=42&epochs=3&rank=0&world=2`. `seed` is read as a command
 * line is: digits are a number. A seed that is a text, whatever it looks like, is `seedText`.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import * as Seed from "../random/Seed.ts"
import type * as Cursor from "../scheduler/loader/Cursor.ts"
import { allowed } from "../scheduler/loader/CursorCheck.ts"
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
  /** The run's seed, as in a local run: `"42"` is another one than `42`. Required if the pipeline draws. */
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
  /** What may differ from the run of the cursor to go on from, as in a local run. Default: nothing. */
  readonly allow?: ReadonlyArray<Cursor.Field>
}

/** What a service takes for what a run leaves out. @since 0.1.0 */
export type Defaults = Pick<RunSpec, "pipeline" | "workers">

/** A run as it was checked; `key` is equal for runs that are equal at its service. @since 0.1.0 */
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
  "digest",
  "allow"
] as const

const POLICIES = ["epochWorker", "elastic"] as const satisfies ReadonlyArray<string>

const UNEVEN = ["pad", "drop", "error"] as const satisfies ReadonlyArray<string>

const CHOICES = { policy: POLICIES, uneven: UNEVEN } as const

/** What the whole numbers of a run may be. A service seeds and shares as many workers at most as a run may have. */
const WHOLE: Readonly<
  Record<"epochs" | "epoch" | "rank" | "world" | "steps" | "workers", { readonly min: number; readonly max?: number }>
> = {
  epochs: { min: 0 },
  epoch: { min: 0 },
  rank: { min: 0 },
  world: { min: 1, max: Plan.MAX_WORLD },
  steps: { min: 1 },
  workers: { min: 1, max: 4096 }
}

/** The parameter of a seed that is a text: `"42"` is another seed than 42. */
const SEED_TEXT = "seedText"

/** Writes a run as a query. @since 0.1.0 */
export const toQuery = (spec: RunSpec): URLSearchParams => {
  const query = new URLSearchParams()
  for (const name of NAMES) {
    const value = spec[name]
    if (value === undefined) continue
    query.set(name === "seed" && typeof value === "string" ? SEED_TEXT : name, String(value))
  }
  return query
}

/**
 * The run that a trainer asks for, before it is sent: what a local run refuses is refused here, since a query has texts alone,
 * in which a flag and the word for it are the same. Throws `InvalidOption`.
 *
 * @since 0.1.0
 */
export const checkedRun = (spec: RunSpec): RunSpec => {
  const { allow, digest, seed } = spec
  if (allow !== undefined) allowed(allow)
  if (seed !== undefined) rootOf(seed)
  if (typeof seed === "string" && !seed.isWellFormed()) {
    throw new InvalidOption({ option: "seed", value: seed, expected: "a text without half of a surrogate pair" })
  }
  for (const [name, { max, min }] of Object.entries(WHOLE)) {
    const value: number | undefined = spec[name as keyof typeof WHOLE] // a key of its own
    if (value !== undefined) whole(name, value, min, max)
  }
  for (const [name, of] of Object.entries(CHOICES)) {
    const value: unknown = spec[name as keyof typeof CHOICES] // a key of its own
    if (value === undefined || of.some((one) => one === value)) continue
    throw new InvalidOption({ option: name, value, expected: `one of ${of.join(", ")}` })
  }
  if (digest !== undefined && typeof digest !== "boolean") {
    throw new InvalidOption({ option: "digest", value: digest, expected: "true or false" })
  }
  return spec
}

const rootOf = (seed: Seed.RootInput): Seed.Root =>
  Either.getOrThrowWith(
    Seed.root(seed),
    ({ reason }) => new InvalidOption({ option: "seed", value: seed, expected: `a seed: ${reason}` })
  )

/** The seed that a query means. Throws `InvalidOption`. */
const seedIn = (query: URLSearchParams): Seed.RootInput | undefined => {
  const text = query.get(SEED_TEXT)
  const seed = query.get("seed")
  if (text !== null && seed !== null) {
    throw new InvalidOption({ option: SEED_TEXT, value: text, expected: "left out beside seed" })
  }
  if (text !== null || seed === null) return text ?? undefined
  const { text: root } = Either.getOrThrowWith(
    Seed.parse(seed),
    ({ reason }) => new InvalidOption({ option: "seed", value: seed, expected: `a seed: ${reason}` })
  )
  // Seeds of one meaning are of one run, however they were written.
  return /^\d+$/.test(root) ? BigInt(root) : seed.trim()
}

/**
 * Reads a run from a query; `others` are names besides its own, which are left to the caller. Throws `InvalidOption` for names
 * that are unknown or come twice, and for values that cannot be meant.
 *
 * @since 0.1.0
 */
export const fromQuery = (
  query: URLSearchParams,
  others: ReadonlyArray<string>,
  defaults: Defaults = {}
): CheckedSpec => {
  const known: ReadonlyArray<string> = [...NAMES, SEED_TEXT, ...others]
  for (const name of new Set(query.keys())) {
    const expected = `one of ${known.join(", ")}`
    if (!known.includes(name)) throw new InvalidOption({ option: "a parameter of the query", value: name, expected })
    if (query.getAll(name).length > 1) {
      throw new InvalidOption({ option: name, value: query.getAll(name), expected: "given once" })
    }
  }
  const text = (name: (typeof NAMES)[number]) => query.get(name) ?? undefined
  const number = (name: keyof typeof WHOLE) => {
    const own = text(name)
    const { max, min } = WHOLE[name]
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
  const seed = seedIn(query)
  const root = rootOf(seed ?? 0)
  const uneven = choice("uneven", UNEVEN)
  const digest = choice("digest", ["true", "false"])
  const pipeline = text("pipeline")
  const allow = text("allow")
  const spec: RunSpec = {
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(seed === undefined ? {} : { seed }),
    policy: choice("policy", POLICIES) ?? "epochWorker",
    ...number("epochs"),
    ...number("epoch"),
    ...number("rank"),
    ...number("world"),
    ...(uneven === undefined ? {} : { uneven }),
    ...number("steps"),
    ...number("workers"),
    ...(digest === undefined ? {} : { digest: digest === "true" }),
    ...(allow === undefined ? {} : { allow: allowed(allow === "" ? [] : allow.split(",")) })
  }
  return { ...spec, policy: spec.policy ?? "epochWorker", root, key: keyOf(spec, { ...DEFAULTS, ...defaults }) }
}

/** What is the same as nothing said, at every service. */
const DEFAULTS: RunSpec = { rank: 0, world: 1, uneven: "error", digest: false }

/** A run that states a default is equal to one that leaves it out. */
const keyOf = (spec: RunSpec, defaults: RunSpec): string => {
  const query = toQuery(spec)
  for (const name of NAMES) if (spec[name] === defaults[name]) query.delete(name)
  // It says what the run may be gone on from, not what it delivers.
  query.delete("allow")
  return query.toString()
}

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
