/**
 * Credentials of S3: given, from the configuration, or of a provider that is asked again when they expire.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { StoreError } from "../StoreError.ts"

/**
 * Who asks. Providers of the AWS SDK give the same fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted | string
  readonly sessionToken?: Redacted.Redacted | string | undefined
  /** When they expire; newer ones are asked for a minute before. */
  readonly expiration?: Date | undefined
}

/** Credentials that have been checked. @since 0.1.0 */
export interface Identity {
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted
  readonly sessionToken: Redacted.Redacted | undefined
  /** In ms; Infinity without an end. */
  readonly expires: number
  /** What the signer keeps of them. */
  readonly keys: Map<string, ArrayBuffer>
}

/** @since 0.1.0 */
export interface Credentials {
  /** The credentials; `undefined` if requests are not signed. */
  readonly get: (location: string) => Effect.Effect<Identity | undefined, StoreError>
  /** Lets go of credentials that a server says have expired. */
  readonly expire: (own: Identity) => Effect.Effect<void>
}

/** Credentials are replaced so long before they expire. */
const EARLY_MS = 60_000

/** Requests without a signature, for what is public. @since 0.1.0 */
export const anonymous: Credentials = { get: () => Effect.succeed(undefined), expire: () => Effect.void }

/** Those of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. @since 0.1.0 */
export const configured: Config.Config<S3Credentials> = Config.map(
  Config.all([
    Config.nonEmptyString("AWS_ACCESS_KEY_ID"),
    Config.redacted("AWS_SECRET_ACCESS_KEY"),
    Config.option(Config.redacted("AWS_SESSION_TOKEN"))
  ]),
  ([accessKeyId, secretAccessKey, sessionToken]) => ({
    accessKeyId,
    secretAccessKey,
    sessionToken: Option.getOrUndefined(sessionToken)
  })
)

/** All that must not be seen of credentials. @since 0.1.0 */
export const secretsOf = ({ secretAccessKey, sessionToken }: Identity): ReadonlyArray<string> =>
  [secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])].map(Redacted.value)

const redacted = (value: unknown): Redacted.Redacted | undefined => {
  const text: unknown = Redacted.isRedacted(value) ? Redacted.value(value) : value
  return typeof text === "string" && /^[\x21-\x7e]+$/.test(text) ? Redacted.make(text) : undefined
}

/** Credentials as they are used; `undefined` if a field is missing or invalid. @since 0.1.0 */
export const identityOf = (given: unknown): Identity | undefined => {
  if (typeof given !== "object" || given === null) return undefined
  const { accessKeyId, expiration, secretAccessKey, sessionToken }: Partial<Record<keyof S3Credentials, unknown>> =
    given
  const secret = redacted(secretAccessKey)
  const token = redacted(sessionToken)
  const expires = expiration instanceof Date ? expiration.getTime() : expiration === undefined ? Infinity : Number.NaN
  if (typeof accessKeyId !== "string" || !/^[\w./+=@-]+$/.test(accessKeyId) || secret === undefined) return undefined
  if (Number.isNaN(expires) || (token === undefined && sessionToken !== undefined && sessionToken !== ""))
    return undefined
  return { accessKeyId, secretAccessKey: secret, sessionToken: token, expires, keys: new Map() }
}

const denied = (location: string, reason: string): StoreError => new StoreError({ location, kind: "denied", reason })

/**
 * The credentials of a provider, which is asked by one request at a time, and again when they expire. What the provider
 * fails with is not shown: it may hold secrets.
 *
 * @since 0.1.0
 */
export const provided = (provider: Effect.Effect<unknown, unknown>, advice: string): Effect.Effect<Credentials> =>
  Effect.map(Effect.makeSemaphore(1), (one) => {
    let known: Identity | undefined
    const isFresh = (own: Identity, now: number): boolean => own.expires - EARLY_MS > now
    const ask = (location: string): Effect.Effect<Identity, StoreError> =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (known !== undefined && isFresh(known, now)) return known
        const given = yield* Effect.mapError(provider, (cause) =>
          denied(location, `there are no credentials (${nameOf(cause)}); ${advice}`)
        )
        const own = identityOf(given)
        if (own === undefined) {
          const fields = "accessKeyId and secretAccessKey, and maybe sessionToken and expiration, a Date"
          return yield* denied(location, `the provider of credentials must give ${fields}`)
        }
        if (own.expires <= now) {
          return yield* denied(
            location,
            "the provider gave credentials that have expired; check its clock, or sign in again"
          )
        }
        known = own
        return own
      })
    return {
      get: (location) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          known !== undefined && isFresh(known, now) ? Effect.succeed(known) : one.withPermits(1)(ask(location))
        ),
      expire: (own) =>
        Effect.sync(() => {
          if (known === own) known = undefined
        })
    }
  })

const nameOf = (cause: unknown): string => {
  if (typeof cause !== "object" || cause === null) return "an error"
  const name: unknown = "_tag" in cause ? cause._tag : "name" in cause ? cause.name : undefined
  return typeof name === "string" && /^\w{1,64}$/.test(name) ? name : "an error"
}
