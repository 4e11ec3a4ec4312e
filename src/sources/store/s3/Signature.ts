/**
 * Signs requests by AWS's signature 4, which `aws4fetch` makes: an optional peer, loaded with the first signed request.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { executableAdvice, installCommand } from "../../../core/Install.ts"
import { sha256 } from "../../../core/runtime.ts"
import type { Request } from "../http/Requests.ts"
import { StoreError } from "../StoreError.ts"
import type { Identity } from "./Credentials.ts"

/** What is used of `aws4fetch`. */
interface Library {
  readonly AwsV4Signer: new (options: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken: string | undefined
    readonly service: "s3"
    readonly region: string
    readonly datetime: string
    readonly allHeaders: true
    readonly cache: Map<string, ArrayBuffer>
  }) => { readonly sign: () => Promise<{ readonly headers: Headers }> }
}

/** The package's name, put together so that bundlers do not look for it: it may not be installed. */
const NAME = ["aws4", "fetch"].join("")

let library: Library | undefined

const loaded = (location: string): Effect.Effect<Library, StoreError> =>
  Effect.suspend(() =>
    library === undefined
      ? Effect.tryPromise({
          try: async () => {
            const own: Library = await import(NAME)
            library = own
            return own
          },
          catch: (cause) => {
            const reason = `the package ${NAME}, which signs requests to S3, cannot be loaded; install it: ${installCommand(NAME)}${executableAdvice}`
            return new StoreError({ location, kind: "unsupported", reason, cause })
          }
        })
      : Effect.succeed(library)
  )

/** Proxies may change it. */
const UNSIGNED = "accept-encoding"

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const NOTHING = new Uint8Array(0)

/** Returns a request with its signature, which also holds for its body, as of a time in ms. @since 0.1.0 */
export const signed = (
  location: string,
  request: Request,
  { accessKeyId, keys, secretAccessKey, sessionToken }: Identity,
  region: string,
  now: number
): Effect.Effect<Request, StoreError> =>
  Effect.flatMap(loaded(location), ({ AwsV4Signer }) =>
    Effect.promise(async () => {
      const { body, headers, method, url } = request
      const own = Object.entries(headers).filter(([name]) => name !== UNSIGNED)
      const signer = new AwsV4Signer({
        method,
        url,
        headers: { ...Object.fromEntries(own), "x-amz-content-sha256": hex(sha256(body ?? NOTHING)) },
        accessKeyId,
        secretAccessKey: Redacted.value(secretAccessKey),
        sessionToken: sessionToken === undefined ? undefined : Redacted.value(sessionToken),
        service: "s3",
        region,
        datetime: new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, ""),
        allHeaders: true,
        cache: keys
      })
      return { ...request, headers: { ...headers, ...Object.fromEntries((await signer.sign()).headers) } }
    })
  )
