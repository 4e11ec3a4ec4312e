/**
 * S3's errors, as those of a store.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Answer, statusError, textOf } from "../http/Requests.ts"
import { StoreError, type StoreErrorKind } from "../StoreError.ts"
import { parse, textAt } from "./Xml.ts"

/** An answer that is an error holds no more than this. */
const MOST = 64 * 2 ** 10

/** What an answer says of a failure. @since 0.1.0 */
export interface Failure {
  readonly error: StoreError
  /** Whether the credentials have expired, so that newer ones may do. */
  readonly isExpired: boolean
}

const EXPIRED = new Set(["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"])

/** What S3's codes mean, where their status does not say it, and the way out. */
const codes: Readonly<Record<string, readonly [StoreErrorKind, string]>> = {
  AccessDenied: ["denied", "the credentials do not allow it, or the object is not there and they do not allow to list"],
  AllAccessDisabled: ["denied", "the bucket is closed"],
  AuthorizationHeaderMalformed: ["denied", "the request was signed for another region; set region"],
  ExpiredToken: ["denied", "the credentials have expired; give a provider that gets newer ones"],
  IllegalLocationConstraintException: ["denied", "the bucket is in another region; set region"],
  InternalError: ["unavailable", "the server has a fault"],
  InvalidAccessKeyId: ["denied", "there is no such access key; check AWS_ACCESS_KEY_ID and the endpoint"],
  InvalidObjectState: ["unsupported", "the object is archived; restore it first"],
  InvalidRange: ["changed", "the object is shorter than it was when it was opened; open it again"],
  InvalidToken: ["denied", "the session token is not valid; check AWS_SESSION_TOKEN"],
  NoSuchBucket: ["missing", "there is no such bucket; check its name and the endpoint"],
  NoSuchKey: ["missing", "there is no such object; check the location"],
  NoSuchUpload: [
    "failed",
    "the server has no such upload any more: another program has aborted or completed it; write again"
  ],
  NotImplemented: ["unsupported", "the server cannot do this"],
  PermanentRedirect: ["failed", "the bucket is in another region; set region"],
  PreconditionFailed: ["changed", "the object has changed since it was opened; open it again"],
  RequestTimeout: ["unavailable", "the server waited too long for the request"],
  RequestTimeTooSkewed: ["denied", "the clocks of this machine and the server differ too much; set the clock"],
  ServiceUnavailable: ["unavailable", "the server has too much to do"],
  SignatureDoesNotMatch: ["denied", "the signature is wrong; check AWS_SECRET_ACCESS_KEY, region and endpoint"],
  SlowDown: ["unavailable", "the server is asked too often; a lower concurrency may help"],
  TemporaryRedirect: ["failed", "the bucket is in another region; set region"],
  Throttling: ["unavailable", "the server is asked too often; a lower concurrency may help"]
}

/** Texts of a server in a message: short, of one line, and without what is secret. */
const quoted = (text: string, secrets: ReadonlyArray<string>): string => {
  const plain = secrets.reduce((own, secret) => own.replaceAll(secret, "<redacted>"), text)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return plain.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 200)
}

/** Buckets of another region are named with it; whatever else leads elsewhere is not followed. */
const redirected = (
  { headers }: Pick<Answer, "headers">,
  region: string | undefined,
  secrets: ReadonlyArray<string>
): readonly [StoreErrorKind, string] | undefined => {
  if (region !== undefined) return codes["PermanentRedirect"]
  const target = headers["location"] ?? ""
  const { host, protocol } = URL.canParse(target) ? new URL(target) : { host: "", protocol: "" }
  const to = protocol === "" ? "another address" : quoted(host === "" ? protocol : `${protocol}//${host}`, secrets)
  return ["failed", `the server redirects to ${to}, and names no region of the bucket; check the endpoint`]
}

/** @since 0.1.0 */
export const failureOf = (
  location: string,
  answer: Answer,
  secrets: ReadonlyArray<string>
): Effect.Effect<Failure, StoreError> =>
  Effect.map(
    Effect.catchIf(
      textOf(location, answer.body, MOST),
      ({ kind }) => kind === "invalid",
      () => Effect.succeed("")
    ),
    (text) => failureIn(location, answer, text, secrets)
  )

/** The failure that an answer's text tells; without a text its status does. @since 0.1.0 */
export const failureIn = (
  location: string,
  answer: Pick<Answer, "headers" | "status">,
  text: string,
  secrets: ReadonlyArray<string>
): Failure => {
  const byStatus = statusError(location, answer)
  const { retryAfter, status } = byStatus
  const root = parse(text)
  const isError = root?.name === "Error"
  const code = isError ? quoted(textAt(root, "Code") ?? "", secrets) : ""
  const region = answer.headers["x-amz-bucket-region"] ?? (isError ? textAt(root, "Region") : undefined)
  const isRedirect = status !== undefined && status >= 300 && status < 400
  const known = codes[code] ?? (isRedirect ? redirected(answer, region, secrets) : undefined)
  if (code === "" && known === undefined) return { error: byStatus, isExpired: false }
  const message = isError ? quoted(textAt(root, "Message") ?? "", secrets) : ""
  const [kind, way] = known ?? [byStatus.kind, message]
  const isElsewhere = way.endsWith("set region") && region !== undefined && /^[\w-]{1,64}$/.test(region)
  const advice = isElsewhere ? `${way}: "${region}"` : way
  const said = known === undefined || message === "" ? "" : ` (${message})`
  const reason = `HTTP ${status}${code === "" ? "" : ` ${code}`}: ${advice}${said}`
  return {
    error: new StoreError({ location, kind, reason, status, retryAfter }),
    isExpired: EXPIRED.has(code)
  }
}
