/**
 * A store with faults, for tests: what disks and networks do, when a test says so.
 *
 * @since 0.1.0
 */

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { plural } from "../../core/Plural.ts"
import { StoreError } from "./StoreError.ts"
import type { StoreService } from "./StoreService.ts"

/**
 * What goes wrong with one call.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  /** It takes longer. */
  | { readonly _tag: "latency"; readonly duration: Duration.DurationInput }
  /** The connection breaks. */
  | { readonly _tag: "reset" }
  /** The server answers with this status, such as 429 or 503. */
  | { readonly _tag: "status"; readonly status: number; readonly retryAfter?: Duration.DurationInput }
  /** The answer ends after so many bytes. */
  | { readonly _tag: "short"; readonly bytes: number }
  /** No answer comes, ever. */
  | { readonly _tag: "stall" }

/** A call to a store with faults. @category models @since 0.1.0 */
export interface FaultyCall {
  readonly method: "list" | "stat" | "read" | "write"
  readonly location: string
  /** Of a read. */
  readonly offset: number
  /** Of a read; else 0. */
  readonly length: number
  /** How many calls there have been before this one. */
  readonly number: number
}

const failed = (location: string, fault: Exclude<Fault, { readonly _tag: "latency" | "stall" }>): StoreError => {
  if (fault._tag === "reset") return new StoreError({ location, kind: "unavailable", reason: "no connection (reset)" })
  if (fault._tag === "short") {
    return new StoreError({ location, kind: "short", reason: `the answer ended after ${plural(fault.bytes, "byte")}` })
  }
  const { retryAfter, status } = fault
  const kind = status === 429 || status >= 500 ? "unavailable" : status === 404 ? "missing" : "denied"
  const wait = retryAfter === undefined ? undefined : Duration.toMillis(retryAfter)
  return new StoreError({ location, kind, reason: `HTTP ${status}`, status, retryAfter: wait })
}

/** The store whose calls fail as `faults` says; `undefined`: no faults. @since 0.1.0 */
export const faultyStore = (rest: StoreService, faults: (call: FaultyCall) => Fault | undefined): StoreService => {
  let number = 0
  const before = (call: Omit<FaultyCall, "number">): Effect.Effect<void, StoreError> =>
    Effect.suspend(() => {
      const fault = faults({ ...call, number: number++ })
      if (fault === undefined) return Effect.void
      if (fault._tag === "latency") return Effect.sleep(fault.duration)
      if (fault._tag === "stall") return Effect.never
      return Effect.fail(failed(call.location, fault))
    })
  const read: StoreService["read"] = (info, offset, length) =>
    Effect.zipRight(
      before({ method: "read", location: info.location, offset, length }),
      rest.read(info, offset, length)
    )
  const none = { offset: 0, length: 0 }
  return {
    list: (folder, depth) =>
      Stream.concat(Stream.execute(before({ method: "list", location: folder, ...none })), rest.list(folder, depth)),
    stat: (object) =>
      Effect.zipRight(before({ method: "stat", location: object.location, ...none }), rest.stat(object)),
    read,
    stream: (info, offset = 0) =>
      Stream.concat(
        Stream.execute(before({ method: "read", location: info.location, offset, length: info.size - offset })),
        rest.stream(info, offset)
      ),
    write: (location, bytes) =>
      Effect.zipRight(before({ method: "write", location, ...none }), rest.write(location, bytes)),
    remove: rest.remove
  }
}
