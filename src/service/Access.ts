/**
 * Who may use a service: any process on this machine, or every client with the token.
 *
 * @since 0.1.0
 */
import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import * as Redacted from "effect/Redacted"
import { InvalidOption } from "../core/InvalidOption.ts"

/** Why a request is refused. @since 0.1.0 */
export interface Refusal {
  readonly status: 401 | 403
  readonly message: string
}

/** The loopback addresses, and their name: 127.0.0.0/8 and ::1. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i

/** A token as an option gives it. @since 0.1.0 */
export type Token = string | Redacted.Redacted

/** What a header carries as it is, whoever sends it. */
const SENDABLE = /^[!-~]([ -~]*[!-~])?$/

/**
 * Returns an option's token; no message shows it. Throws `InvalidOption` if it is not a string of visible ASCII characters, which
 * may have spaces between them.
 *
 * @since 0.1.0
 */
export const tokenOf = (given: Token | undefined): Redacted.Redacted | undefined => {
  if (given === undefined) return undefined
  const own: unknown = Redacted.isRedacted(given) ? Redacted.value(given) : given
  if (typeof own === "string" && SENDABLE.test(own)) return Redacted.make(own)
  const value = own === "" ? "nothing" : typeof own === "string" ? "one with other characters" : `a ${typeof own}`
  const expected = "a string of visible ASCII characters, with spaces between them at most, or Redacted.make of one"
  throw new InvalidOption({ option: "token", value, expected })
}

/** Throws `InvalidOption` for an address that other machines can reach, if no token is required. @since 0.1.0 */
export const guarded = (host: string, token: Redacted.Redacted | undefined): void => {
  if (token !== undefined) {
    if (Redacted.value(token).length >= LEAST) return
    throw new InvalidOption({ option: "token", value: "one that is shorter", expected: `at least ${LEAST} characters` })
  }
  if (LOOPBACK.test(host)) return
  const expected =
    "a loopback address such as 127.0.0.1, or given a token: without one, whoever reaches it could use it"
  throw new InvalidOption({ option: "host", value: host, expected })
}

/** Minimum length: tokens can be guessed as fast as a service answers. */
const LEAST = 16

const hash = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Returns the check of each request's headers. @since 0.1.0 */
export const access = (
  token: Redacted.Redacted | undefined
): ((headers: IncomingHttpHeaders) => Refusal | undefined) => {
  if (token === undefined) {
    return ({ host = "" }) =>
      // A page in a browser on this machine can have its own name lead here.
      LOOPBACK.test(host.replace(/:\d+$/, ""))
        ? undefined
        : { status: 403, message: "this service answers to localhost and 127.0.0.1 alone" }
  }
  const expected = hash(Redacted.value(token))
  return ({ authorization = "" }) => {
    // Hashes are of one length, and compared in constant time.
    if (timingSafeEqual(hash(authorization.replace(/^Bearer /i, "")), expected)) return undefined
    const given = /^(?:Bearer)?$/i.test(authorization.trim())
      ? "none was given: the option token of its clients, authorization: Bearer …"
      : "the one given is wrong"
    return { status: 401, message: `this service asks for a token, and ${given}` }
  }
}
