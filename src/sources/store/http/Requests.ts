/**
 * HTTP requests, by the client of `@effect/platform`: redirects that do not carry secrets to other hosts, and statuses as
 * errors of a store.
 *
 * @since 0.1.0
 */

import type * as Client from "@effect/platform/HttpClient"
import type * as ClientError from "@effect/platform/HttpClientError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { plural } from "../../../core/Plural.ts"
import { shown } from "../Location.ts"
import { StoreError, type StoreErrorKind } from "../StoreError.ts"

/** The platform's own tag, by its key; see `PlatformServices`. */
const HttpClient = Context.GenericTag<Client.HttpClient>("@effect/platform/HttpClient")

/** @since 0.1.0 */
export interface Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  /** With `"manual"` an answer that leads elsewhere is given as it is. */
  readonly redirect?: "follow" | "manual" | undefined
}

/** @since 0.1.0 */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Stream.Stream<Uint8Array, StoreError>
  /** All of the body, for one whose length is known: less work than its stream. */
  readonly bytes: Effect.Effect<Uint8Array<ArrayBuffer>, StoreError>
  /** Headers of the first answer, where this one was found by redirects. */
  readonly first: Readonly<Record<string, string | undefined>>
}

/** Sends a request. The connection is given up when the scope ends before the body does. @since 0.1.0 */
export type Send = (location: string, request: Request) => Effect.Effect<Answer, StoreError, Scope.Scope>

/** The client that sends: the one of the context, else `fetch`. @since 0.1.0 */
export const sending: Effect.Effect<Send> = Effect.map(Effect.serviceOption(HttpClient), (own): Send => {
  const modules = Effect.promise(() => import("./Modules.ts"))
  return (location, request) =>
    Effect.flatMap(modules, (loaded) => {
      const client = Effect.map(
        Option.isSome(own)
          ? Effect.succeed(own.value)
          : Effect.provide(loaded.HttpClient.HttpClient, loaded.FetchHttpClient.layer),
        // Spans and headers of a tracer would show signed addresses, and are not signed themselves.
        (client) =>
          client.pipe(
            loaded.HttpClient.withTracerDisabledWhen(() => true),
            loaded.HttpClient.withTracerPropagation(false),
            loaded.HttpClient.withScope
          )
      )
      const execute = ({ body, headers, method, url }: Request) =>
        Effect.flatMap(client, (client) => {
          const made = loaded.HttpClientRequest.make(method)(url, { headers })
          return client.execute(body === undefined ? made : loaded.HttpClientRequest.bodyUint8Array(made, body))
        }).pipe(
          Effect.provideService(loaded.FetchHttpClient.RequestInit, { redirect: "manual", cache: "no-store" }),
          Effect.mapError((cause) => connection(location, cause))
        )
      return followed(location, request, (own) =>
        Effect.map(execute(own), (response) => ({
          status: response.status,
          headers: response.headers,
          body: Stream.catchAll(response.stream, (cause) =>
            // As behind a 204, which says that all is well.
            cause.reason === "EmptyBody" ? Stream.empty : Stream.fail(connection(location, cause))
          ),
          bytes: Effect.mapBoth(response.arrayBuffer, {
            onFailure: (cause) => connection(location, cause),
            onSuccess: (bytes) => new Uint8Array(bytes)
          })
        }))
      )
    })
})

/** The cause is kept without its request, whose headers and address may hold secrets. */
const connection = (location: string, error: ClientError.HttpClientError): StoreError => {
  const { cause, reason: why } = error
  const isShort = error._tag === "ResponseError"
  const reason = `${isShort ? "the answer broke off" : "no connection"} (${why}${said(cause)})`
  return new StoreError({ location, kind: "unavailable", reason })
}

/** Messages of runtimes may quote the address. */
const said = (cause: unknown): string => {
  if (!(cause instanceof Error)) return ""
  const deeper = cause.cause instanceof Error ? `: ${cause.cause.message}` : ""
  return `: ${`${cause.message}${deeper}`.replace(/\bhttps?:\/\/[^\s"')]+/g, (own) => shown(own))}`
}

const MOST_REDIRECTS = 8

type One = Omit<Answer, "first">

/** Follows redirects, but not to another protocol; what is secret is not sent to another host. */
const followed = (
  location: string,
  request: Request,
  execute: (request: Request) => Effect.Effect<One, StoreError, Scope.Scope>
): Effect.Effect<Answer, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    let own = request
    let first: Answer["first"] | undefined
    for (let redirects = 0; ; redirects++) {
      const answer = yield* execute(own)
      first ??= answer.headers
      const { headers, status } = answer
      if (request.redirect === "manual" || ![301, 302, 303, 307, 308].includes(status)) return { ...answer, first }
      const wrong = (reason: string) => new StoreError({ location, kind: "invalid", reason, status })
      if (request.method !== "GET" && request.method !== "HEAD") {
        return yield* wrong(`the server redirects a ${request.method}; name the address that it leads to`)
      }
      if (redirects === MOST_REDIRECTS) return yield* wrong(`more than ${MOST_REDIRECTS} redirects, maybe in a circle`)
      const to = targetOf(headers["location"], own.url)
      if (to === undefined) return yield* wrong("the server redirects to nowhere")
      if (!/^https?:$/.test(to.protocol)) return yield* wrong(`the server redirects to ${to.protocol}`)
      const from = new URL(own.url)
      if (from.protocol === "https:" && to.protocol === "http:") {
        return yield* wrong("the server redirects from https to http, which could be read on the way")
      }
      const isHome = to.origin === from.origin
      own = { ...own, url: to.href, headers: isHome ? own.headers : plain(own.headers) }
    }
  })

const targetOf = (target: string | undefined, base: string): URL | undefined =>
  target !== undefined && URL.canParse(target, base) ? new URL(target, base) : undefined

/** What does not depend on who asks. */
const PLAIN = ["range", "accept-encoding", "accept", "user-agent"]

const plain = (headers: Request["headers"]): Request["headers"] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => PLAIN.includes(name.toLowerCase())))

const statuses: Readonly<Record<number, readonly [StoreErrorKind, string]>> = {
  401: ["denied", "the server wants to know who asks; provide credentials, or newer ones"],
  403: [
    "denied",
    "the server does not allow it; check the credentials and what they may read, or sign the address again"
  ],
  404: ["missing", "there is no such object; check the location"],
  407: ["denied", "a proxy wants to know who asks"],
  408: ["unavailable", "the server waited too long for the request"],
  410: ["missing", "the object is gone"],
  412: ["changed", "the object has changed since it was opened; open it again"],
  416: ["changed", "the object is shorter than it was when it was opened; open it again"],
  425: ["unavailable", "the server is not ready"],
  429: ["unavailable", "the server is asked too often; a lower concurrency may help"],
  501: ["unsupported", "the server cannot do this"],
  505: ["unsupported", "the server does not speak this version of HTTP"]
}

/** Returns the error for a response with an unexpected status. @since 0.1.0 */
export const statusError = (location: string, { headers, status }: Pick<Answer, "headers" | "status">): StoreError => {
  const [kind, reason] =
    statuses[status] ??
    (status >= 500
      ? (["unavailable", "the server has a fault, or too much to do"] as const)
      : (["failed", "the server refuses"] as const))
  const retryAfter = waitOf(headers["retry-after"])
  return new StoreError({ location, kind, reason: `HTTP ${status}: ${reason}`, status, retryAfter })
}

/** Seconds, or a date, as milliseconds. */
const waitOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const milliseconds = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : undefined
}

/**
 * The body of an answer: exactly `length` bytes of it. One that is longer is left before more is held than asked for.
 *
 * @since 0.1.0
 */
export const exactly = (
  location: string,
  { body, bytes, headers }: Answer,
  length: number
): Effect.Effect<Uint8Array<ArrayBuffer>, StoreError> =>
  // HTTP itself ends a body after the length that it states.
  headers["content-length"] === String(length) && isPlain(headers)
    ? Effect.flatMap(bytes, (all) =>
        all.length === length ? Effect.succeed(all) : Effect.fail(ended(location, all.length, length))
      )
    : collected(location, body, length)

/** Whether bytes come as they are: one that is decompressed on the way may be longer than it states. */
const isPlain = (headers: Answer["headers"]): boolean => /^(?:identity)?$/.test(headers["content-encoding"] ?? "")

const ended = (location: string, done: number, length: number): StoreError =>
  new StoreError({ location, kind: "short", reason: `the answer ended after ${done} of ${plural(length, "byte")}` })

const collected = (
  location: string,
  body: Stream.Stream<Uint8Array, StoreError>,
  length: number
): Effect.Effect<Uint8Array<ArrayBuffer>, StoreError> =>
  Effect.suspend(() => {
    const bytes = new Uint8Array(length)
    let done = 0
    const put = (chunk: Uint8Array): StoreError | undefined => {
      if (done + chunk.length > length) {
        const reason = `the server sends more than the ${plural(length, "byte")} that it was asked for`
        return new StoreError({ location, kind: "invalid", reason })
      }
      bytes.set(chunk, done)
      done += chunk.length
      return undefined
    }
    return Effect.flatMap(
      Stream.runForEach(body, (chunk) => put(chunk) ?? Effect.void),
      () => {
        return done === length ? Effect.succeed(bytes) : Effect.fail(ended(location, done, length))
      }
    )
  })

/** The text of a body of at most `most` bytes; longer ones are an error. @since 0.1.0 */
export const textOf = (
  location: string,
  body: Stream.Stream<Uint8Array, StoreError>,
  most = 16 * 2 ** 20
): Effect.Effect<string, StoreError> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let length = 0
    const put = (chunk: Uint8Array): Effect.Effect<void, StoreError> => {
      length += chunk.length
      text += decoder.decode(chunk, { stream: true })
      const reason = `an answer of more than ${most} bytes, where a listing was asked for`
      return length <= most ? Effect.void : Effect.fail(new StoreError({ location, kind: "invalid", reason }))
    }
    return Effect.map(Stream.runForEach(body, put), () => text + decoder.decode())
  })
