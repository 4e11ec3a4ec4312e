/**
 * Where objects of S3 are: `s3://bucket/key`, and the addresses of HTTP that an endpoint has for them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { StoreError } from "../StoreError.ts"

/** @since 0.1.0 */
export interface Address {
  readonly bucket: string
  /** Empty for all of the bucket. */
  readonly key: string
}

/** Where requests go. @since 0.1.0 */
export interface Endpoint {
  /** Without a `/` at its end. */
  readonly url: string
  /** `host`: the bucket is part of the host's name; `path`: it is the first part of the path. */
  readonly style: "host" | "path"
}

const LOCATION = /^s3:\/\/([^/]*)(?:\/(.*))?$/s

/** Names that are allowed, and those of old buckets: none can leave its part of an address. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/

const MOST_KEY_BYTES = 1024

const unsupported = (location: string, reason: string): StoreError =>
  new StoreError({ location, kind: "unsupported", reason })

/** Returns the bucket and the key of a location. @since 0.1.0 */
export const addressOf = (location: string): Effect.Effect<Address, StoreError> => {
  const [, bucket = "", key = ""] = LOCATION.exec(location) ?? []
  if (!BUCKET.test(bucket)) {
    const form = "a location in S3 is s3://bucket/key"
    // A pattern is asked for by what stands before its first wildcard.
    const isPattern = bucket === "" || /[*?{}[\]]/.test(bucket)
    const way = isPattern
      ? "wildcards can stand in the key only"
      : "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens"
    return Effect.fail(unsupported(location, `${form}; ${way}`))
  }
  if (key.split("/").some((part) => part === "." || part === "..")) {
    const reason = "HTTP cannot name a key with a part . or ..: copy the object to another key"
    return Effect.fail(unsupported(location, reason))
  }
  if (Buffer.byteLength(key) > MOST_KEY_BYTES) {
    return Effect.fail(unsupported(location, `a key has at most ${MOST_KEY_BYTES} bytes`))
  }
  return Effect.succeed({ bucket, key })
}

/** As {@link addressOf}, for one object. @since 0.1.0 */
export const objectAt = (location: string): Effect.Effect<Address, StoreError> =>
  Effect.filterOrFail(
    addressOf(location),
    ({ key }) => key !== "" && !key.endsWith("/"),
    () => unsupported(location, "it is a bucket or a folder; an object's location ends in its key")
  )

/** What RFC 3986 leaves as it is, and nothing more: signatures are made of it. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (own) => `%${own.charCodeAt(0).toString(16).toUpperCase()}`)

/** The address of an object or a bucket at an endpoint. @since 0.1.0 */
export const urlOf = (
  { style, url }: Endpoint,
  { bucket, key }: Address,
  query: Readonly<Record<string, string | undefined>> = {}
): string => {
  const path = key.split("/").map(escaped).join("/")
  // A dot would be in the way of the host's certificate.
  const isInPath = style === "path" || !/^[a-z0-9-]{3,63}$/.test(bucket)
  const place = isInPath ? `${url}/${bucket}/${path}` : `${url.replace("://", `://${bucket}.`)}/${path}`
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${escaped(name)}=${escaped(value)}`]
  )
  return parameters.length === 0 ? place : `${place}?${parameters.join("&")}`
}
