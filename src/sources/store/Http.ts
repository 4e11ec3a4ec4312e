/**
 * The store of objects behind HTTP.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { plural } from "../../core/Plural.ts"
import { guarded, type Reading } from "./Guard.ts"
import { changed, invalid, modifiedOf, rangeOf, sizeOf, unlike, versionOf } from "./http/Ranges.ts"
import { type Answer, exactly, type Request, type Send, statusError } from "./http/Requests.ts"
import { disagreement } from "./http/Stated.ts"
import { type Whole, whole } from "./http/Whole.ts"
import { addressOf, located } from "./Location.ts"
import { queued } from "./ReadQueue.ts"
import { isTransient, StoreError } from "./StoreError.ts"
import { type Driver, type Listed, type ObjectInfo, OPENING, type StoreService } from "./StoreService.ts"

/** How objects are found behind HTTP, by whichever address and with whichever headers. @since 0.1.0 */
export interface HttpParts {
  readonly reading: Reading
  readonly send: Send
  /** The request for an object; `method` and `range` are in it. */
  readonly request: (object: Listed, request: Omit<Request, "url">) => Effect.Effect<Request, StoreError>
  /** How many bytes of an object are read as a whole where the server has no ranges. */
  readonly wholeBytes: number
  /** The version of the object that an answer is of. Default: what its headers say. */
  readonly version?: (answer: Answer) => string
  /** The size of the object that an answer is of, where its headers say it otherwise than HTTP does. */
  readonly size?: (answer: Answer) => number | undefined
  /** The object as it is to be asked for from now on. Default: as before. */
  readonly found?: (object: Listed, answer: Answer) => Listed
}

/** Compressed on the way, bytes could not be counted. */
const IDENTITY = { "accept-encoding": "identity" } as const

/** Of so many objects it is known that they are served by ranges; more are asked again. */
const KNOWN = 100_000

/** Reads objects behind HTTP. @since 0.1.0 */
export interface HttpReads extends Pick<StoreService, "stat" | "read" | "stream"> {
  /** Gives up the files of objects that were read as a whole; they are read again if they are asked for. */
  readonly close: Effect.Effect<void>
}

/** @since 0.1.0 */
export const httpReads = (parts: HttpParts): HttpReads => {
  const { found = (object) => object, reading, request, send, wholeBytes } = parts
  const version = parts.version ?? (({ headers }: Answer) => versionOf(headers))
  const sizeIn = (answer: Answer): number | undefined => parts.size?.(answer) ?? sizeOf(answer.headers)
  /** Objects that are served by ranges. */
  const ranges = new Set<string>()
  const wholes = new Map<string, Whole>()
  let openings = 0
  const locks = new Map<string, Effect.Semaphore>()
  // A version may be the time of an object that was replaced by one of the same time.
  const keyOf = ({ [OPENING]: opening = 0, location, size, version }: ObjectInfo): string =>
    `${location}\n${version}\n${size}\n${opening}`
  const hasRanges = (info: ObjectInfo): void => {
    if (ranges.size >= KNOWN) ranges.clear()
    ranges.add(keyOf(info))
  }
  const keep = (info: ObjectInfo, all: Whole): void => {
    void wholes.get(keyOf(info))?.end()
    wholes.set(keyOf(info), all)
  }
  const forget = (): void => {
    for (const own of wholes.values()) void own.end()
    wholes.clear()
    ranges.clear()
  }

  const asked = (
    object: Listed,
    method: "GET" | "HEAD",
    range?: string
  ): Effect.Effect<Answer, StoreError, Scope.Scope> =>
    Effect.flatMap(
      request(object, { method, headers: { ...IDENTITY, ...(range === undefined ? {} : { range }) } }),
      (own) => send(object.location, own)
    )

  const once = <A>(location: string, bytes: number, effect: Effect.Effect<A, StoreError, Scope.Scope>) =>
    guarded(reading, location, bytes, Effect.scoped(effect))

  const infoOf = (object: Listed, size: number, answer: Answer): ObjectInfo => {
    const own = version(answer)
    const opening = own === "" ? { [OPENING]: ++openings } : {}
    const info: ObjectInfo = { ...found(object, answer), size, version: own, ...opening }
    // A later answer may state one of the two alone.
    disagreement(info, info.version, modifiedOf(answer.headers))
    if (/\bbytes\b/.test(answer.headers["accept-ranges"] ?? "")) hasRanges(info)
    return info
  }

  /** By a `HEAD`, else by the first byte: addresses that are signed for `GET` answer nothing else. */
  const stat = (object: Listed): Effect.Effect<ObjectInfo, StoreError> =>
    Effect.flatMap(once(object.location, 0, head(object)), (answer) => {
      const { status } = answer
      const size = sizeIn(answer)
      if (status === 200 && size !== undefined) return Effect.succeed(infoOf(object, size, answer))
      const isNotFinal = status === 200 || [400, 403, 405, 501].includes(status)
      return isNotFinal
        ? once(object.location, wholeBytes, firstByte(object))
        : Effect.fail(statusError(object.location, answer))
    }).pipe(Effect.catchIf(isHeadless, () => once(object.location, wholeBytes, firstByte(object))))

  /** What may go better is an error at once, to be asked again. */
  const head = (object: Listed) =>
    Effect.flatMap(asked(object, "HEAD"), (answer) => {
      const error = statusError(object.location, answer)
      return answer.status >= 400 && isTransient(error) ? Effect.fail(error) : Effect.succeed(answer)
    })

  const firstByte = (object: Listed): Effect.Effect<ObjectInfo, StoreError, Scope.Scope> =>
    Effect.gen(function* () {
      const { location } = object
      const answer = yield* asked(object, "GET", "bytes=0-0")
      const { headers, status } = answer
      if (status === 206) {
        const total = rangeOf(headers)?.total
        if (total === undefined) return yield* invalid(location, "the server does not say how long the object is")
        const info = infoOf(object, total, answer)
        hasRanges(info)
        return info
      }
      if (status === 416) {
        const empty = /^bytes \*\/0$/.test(headers["content-range"] ?? "")
        return empty ? infoOf(object, 0, answer) : yield* statusError(location, answer)
      }
      if (status !== 200) return yield* statusError(location, answer)
      const size = sizeIn(answer)
      if (size !== undefined) return infoOf(object, size, answer)
      // It comes in pieces: only its end tells how long it is.
      const all = yield* whole(location, answer.body, wholeBytes)
      const info = infoOf(object, all.size, answer)
      keep(info, all)
      return info
    })

  /** Bytes by a range; `whole` where the server sent all of the object, which is then kept. */
  const ranged = (info: ObjectInfo, offset: number, length: number) =>
    Effect.gen(function* () {
      const { location, size } = info
      const answer = yield* asked(info, "GET", `bytes=${offset}-${offset + length - 1}`)
      const { headers, status } = answer
      if (status !== 206 && status !== 200) return yield* statusError(location, answer)
      const range = status === 206 ? rangeOf(headers) : undefined
      const stated = status === 206 ? range?.total : sizeOf(headers)
      if (stated !== undefined && stated !== size) {
        return yield* changed(location, `it has ${plural(stated, "byte")}, and had ${size} when it was opened`)
      }
      const wrong = unlike(info, headers, version(answer))
      if (wrong !== undefined) return yield* wrong
      if (status === 206) {
        if (range === undefined || range.from !== offset || range.to !== offset + length) {
          const said = headers["content-range"] ?? "nothing"
          const reason = `bytes ${offset}-${offset + length - 1} were asked for, and the server's Content-Range says ${said}`
          return yield* invalid(location, reason)
        }
        hasRanges(info)
        return yield* exactly(location, answer, length)
      }
      if (offset === 0 && length === size) return yield* exactly(location, answer, length)
      const all = yield* whole(location, answer.body, wholeBytes)
      if (all.size !== size) {
        yield* Effect.promise(all.end)
        if (all.size > size) return yield* changed(location, `it has ${plural(all.size, "byte")}, and had ${size}`)
        const reason = `the answer ended after ${all.size} of ${plural(size, "byte")}`
        return yield* new StoreError({ location, kind: "short", reason })
      }
      keep(info, all)
      return yield* all.read(offset, length)
    })

  /** Runs one read of an object at a time, while it is not known whether the server has ranges. */
  const alone = <A, E, R>(info: ObjectInfo, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const key = keyOf(info)
      const lock = locks.get(key) ?? Effect.unsafeMakeSemaphore(1)
      locks.set(key, lock)
      return Effect.ensuring(
        lock.withPermits(1)(effect),
        Effect.sync(() => void (isKnown(info) && locks.delete(key)))
      )
    })

  const isKnown = (info: ObjectInfo): boolean => ranges.has(keyOf(info)) || wholes.has(keyOf(info))

  const direct: Driver["read"] = (info, offset, length) => {
    const fetch = Effect.suspend(
      () => wholes.get(keyOf(info))?.read(offset, length) ?? Effect.scoped(ranged(info, offset, length))
    )
    return Effect.suspend(() => (isKnown(info) ? fetch : alone(info, fetch)))
  }

  return { stat, ...queued(direct, reading), close: Effect.sync(forget) }
}

/** Some servers close the connection on a `HEAD`. */
const isHeadless = ({ kind, status }: StoreError): boolean => kind === "unavailable" && status === undefined

const unsupported = (location: string, reason: string): StoreError =>
  new StoreError({ location, kind: "unsupported", reason })

/** @since 0.1.0 */
export const httpDriver = (
  send: Send,
  reading: Reading,
  headers: Readonly<Record<string, string>>,
  wholeBytes: number
): Driver & Pick<HttpReads, "close"> => {
  const reads = httpReads({
    reading,
    send,
    wholeBytes,
    request: (object, own) =>
      Effect.succeed({ ...own, url: addressOf(object), headers: { ...headers, ...own.headers } })
  })
  return {
    ...reads,
    // What is secret in an address stays out of errors, whoever wrote it into the location.
    stat: (object) => reads.stat({ ...object, ...located(addressOf(object)) }),
    list: (folder) =>
      Stream.fail(unsupported(folder, "HTTP has no listing; name the objects, such as part-{00000..00099}.jsonl")),
    write: (location) => Effect.fail(unsupported(location, "HTTP is only read; write to files or to S3"))
  }
}
