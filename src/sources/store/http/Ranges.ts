/**
 * What the headers of an answer say of an object: size, version, and which of its bytes these are.
 *
 * @since 0.1.0
 */
import { StoreError } from "../StoreError.ts"
import type { ObjectInfo } from "../StoreService.ts"
import type { Answer } from "./Requests.ts"
import { disagreement } from "./Stated.ts"

type Headers = Answer["headers"]

/** The ETag, else the time of modification; empty without either. @since 0.1.0 */
export const versionOf = (headers: Headers): string => {
  const { etag } = headers
  if (etag !== undefined && etag !== "") return etag
  return modifiedOf(headers)
}

/** The time of modification; empty without one. @since 0.1.0 */
export const modifiedOf = (headers: Headers): string => {
  const time = Date.parse(headers["last-modified"] ?? "")
  return Number.isNaN(time) ? "" : `t${time}`
}

/** @since 0.1.0 */
export const changed = (location: string, reason: string): StoreError =>
  new StoreError({ location, kind: "changed", reason: `${reason}; open it again` })

/** @since 0.1.0 */
export const invalid = (location: string, reason: string): StoreError =>
  new StoreError({ location, kind: "invalid", reason })

/** What of an answer's headers cannot be of the object that was opened. @since 0.1.0 */
export const unlike = (info: ObjectInfo, headers: Headers, version: string): StoreError | undefined => {
  const { location } = info
  const coding = headers["content-encoding"] ?? "identity"
  if (coding !== "identity" && coding !== "") {
    return invalid(location, `the server sends it as ${coding}, so its bytes cannot be told; turn that off for it`)
  }
  const wrong = disagreement(info, version, modifiedOf(headers))
  if (wrong === undefined) return undefined
  const { before, now } = wrong
  return now === undefined
    ? invalid(
        location,
        `the server said that its version is ${before}, and says none of these bytes: they may be of another`
      )
    : changed(location, `its version was ${before}, and now is ${now}`)
}

/** The bytes that a `206` holds. `undefined` if its header makes no sense. @since 0.1.0 */
export const rangeOf = (
  headers: Headers
): { readonly from: number; readonly to: number; readonly total: number | undefined } | undefined => {
  const parts = /^\s*bytes\s+(\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)\s*$/i.exec(headers["content-range"] ?? "")
  if (parts === null) return undefined
  const [, first = "", last = "", total = ""] = parts
  const [from, to] = [Number(first), Number(last) + 1]
  if (from >= to || (total !== "*" && to > Number(total))) return undefined
  return { from, to, total: total === "*" ? undefined : Number(total) }
}

/** The size that a whole answer states; none where it is sent compressed, or in pieces. @since 0.1.0 */
export const sizeOf = (headers: Headers): number | undefined => {
  const text = headers["content-length"]
  const isPlain = (headers["content-encoding"] ?? "identity") === "identity"
  return text !== undefined && isPlain && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
