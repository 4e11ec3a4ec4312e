/**
 * What a server has said of an object since it was opened. A server may say less to a `HEAD` than to a `GET`; what one
 * answer says, each later one has to agree with.
 *
 * @since 0.1.0
 */
import type { ObjectInfo } from "../StoreService.ts"

/** Versions; empty where none was stated. */
interface Stated {
  readonly etag: string
  readonly time: string
}

const stated = new WeakMap<ObjectInfo, Stated>()

/** Whether a version is a time of modification, which an object may share with its old self. @since 0.1.0 */
export const isTime = (version: string): boolean => /^t-?\d/.test(version)

/** Whether a version is of one object only: an ETag. @since 0.1.0 */
export const isTag = (version: string): boolean => version !== "" && !isTime(version)

const known = (info: ObjectInfo): Stated =>
  stated.get(info) ?? {
    etag: isTag(info.version) ? info.version : "",
    time: isTime(info.version) ? info.version : ""
  }

/** A proxy may call an ETag weak. */
const strong = (etag: string): string => etag.replace(/^W\//, "")

/**
 * Notes the version that an answer states, and its time of modification. Returns what was stated before and what is now
 * where the two cannot be of one object; `now` is undefined if the answer states no version, so that a change could go unnoticed.
 *
 * @since 0.1.0
 */
export const disagreement = (
  info: ObjectInfo,
  version: string,
  modified: string
): { readonly before: string; readonly now: string | undefined } | undefined => {
  const { etag, time } = known(info)
  const nowTag = isTag(version) ? version : ""
  if (etag !== "" && nowTag !== "") {
    return strong(etag) === strong(nowTag) ? undefined : { before: etag, now: nowTag }
  }
  if (time !== "" && modified !== "" && time !== modified) return { before: time, now: modified }
  if (nowTag === "" && modified === "" && (etag !== "" || time !== "")) return { before: etag || time, now: undefined }
  stated.set(info, { etag: etag || nowTag, time: time || modified })
  return undefined
}

/** Whether answers have stated more of an object than its version says. @since 0.1.0 */
export const isStatedBeyond = (info: ObjectInfo): boolean => {
  const { etag, time } = known(info)
  return info.version === "" ? etag !== "" || time !== "" : isTime(info.version) && etag !== ""
}
