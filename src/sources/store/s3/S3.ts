/**
 * The store of objects in S3, or in a server that speaks its protocol.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { guarded, type Reading } from "../Guard.ts"
import { type HttpReads, httpReads } from "../Http.ts"
import { versionOf } from "../http/Ranges.ts"
import type { Send } from "../http/Requests.ts"
import type { Driver } from "../StoreService.ts"
import { type Endpoint, objectAt, urlOf } from "./Address.ts"
import type { Credentials } from "./Credentials.ts"
import { listing } from "./Listing.ts"
import { signing } from "./Requests.ts"
import { tagOf } from "./Tag.ts"
import { uploading } from "./Upload.ts"

/** @since 0.1.0 */
export interface S3Parts {
  readonly endpoint: Endpoint
  readonly region: string
  readonly credentials: Credentials
  readonly send: Send
  readonly reading: Reading
  readonly wholeBytes: number
  readonly partBytes: number
}

/** @since 0.1.0 */
export const s3Driver = (parts: S3Parts): Driver & Pick<HttpReads, "close"> => {
  const { endpoint, partBytes, reading, wholeBytes } = parts
  const send = signing(parts.send, parts.credentials, parts.region)
  const reads = httpReads({
    reading,
    send,
    wholeBytes,
    request: ({ location, version }, own) =>
      Effect.map(objectAt(location), (address) => {
        const isChecked = version !== undefined && /^".*"$/.test(version)
        const headers = isChecked ? { ...own.headers, "if-match": version } : own.headers
        return { ...own, url: urlOf(endpoint, address), headers }
      }),
    version: ({ headers }) => tagOf(headers["etag"]) ?? versionOf(headers)
  })
  // An object is looked at as it is now, whatever a listing said.
  const stat: Driver["stat"] = (object) => reads.stat({ ...object, size: undefined, version: undefined })
  const remove: Driver["remove"] = ({ location }) =>
    Effect.flatMap(objectAt(location), (address) => {
      const request = { method: "DELETE", url: urlOf(endpoint, address), headers: {} } as const
      return Effect.asVoid(guarded(reading, location, 0, Effect.scoped(send(location, request)))).pipe(
        Effect.catchIf(
          ({ kind }) => kind === "missing",
          () => Effect.void
        )
      )
    })
  return {
    ...reads,
    stat,
    remove,
    list: listing(send, reading, endpoint),
    write: uploading({ send, reading, endpoint, partBytes, stat, read: reads.read })
  }
}
