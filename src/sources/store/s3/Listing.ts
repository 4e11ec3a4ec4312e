/**
 * Lists objects by ListObjectsV2, page by page.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { guarded, type Reading } from "../Guard.ts"
import { type Send, textOf } from "../http/Requests.ts"
import { StoreError } from "../StoreError.ts"
import type { Driver, Listed } from "../StoreService.ts"
import { type Address, addressOf, type Endpoint, urlOf } from "./Address.ts"
import { tagOf } from "./Tag.ts"
import { type Element, parse, textAt } from "./Xml.ts"

interface Page {
  readonly objects: ReadonlyArray<Listed>
  readonly next: string | undefined
}

/** A server whose pages never end is not listed for ever: these hold 100 million objects. */
const MOST_PAGES = 100_000

/** So many pages in a row may hold no object: those of folders below, or of objects that were deleted. */
const MOST_EMPTY = 2000

/** @since 0.1.0 */
export const listing =
  (send: Send, reading: Reading, endpoint: Endpoint, mostPages = MOST_PAGES): Driver["list"] =>
  (folder, depth) =>
    Stream.unwrap(
      Effect.map(addressOf(folder), (address) => {
        const page = (token: string | undefined): Effect.Effect<Page, StoreError> => {
          const url = urlOf(
            endpoint,
            { bucket: address.bucket, key: "" },
            {
              "list-type": "2",
              prefix: address.key === "" ? undefined : address.key,
              // Only what lies in the folder itself is asked for.
              delimiter: depth === 1 ? "/" : undefined,
              "continuation-token": token,
              // Keys can hold characters that XML cannot.
              "encoding-type": "url"
            }
          )
          const answer = Effect.flatMap(send(folder, { method: "GET", url, headers: {} }), ({ body, headers }) => {
            const type = headers["content-type"] ?? "xml"
            if (!/xml/i.test(type)) {
              const reason = `the endpoint answers with ${type.slice(0, 64)}, where S3 sends XML; check the endpoint`
              return Effect.fail(new StoreError({ location: folder, kind: "invalid", reason }))
            }
            return Effect.flatMap(textOf(folder, body), (text) => pageOf(folder, address, text))
          })
          return guarded(reading, folder, 0, Effect.scoped(answer))
        }
        const seen = new Set<string>()
        let before: ReadonlySet<string> = new Set()
        let empty = 0
        return Stream.paginateChunkEffect(undefined, (token: string | undefined) =>
          Effect.flatMap(page(token), ({ next, objects }) => {
            const again = objects.find(({ location }) => before.has(location))
            if (again !== undefined) {
              return Effect.fail(invalid(folder, `${again.location} is on two pages that follow one another`))
            }
            before = new Set(objects.map(({ location }) => location))
            empty = objects.length === 0 ? empty + 1 : 0
            if (empty > MOST_EMPTY) {
              return Effect.fail(invalid(folder, `${empty} pages in a row hold no object; list folders below it`))
            }
            if (next !== undefined) {
              if (seen.has(next)) return Effect.fail(invalid(folder, "its pages come again and again"))
              seen.add(next)
              if (seen.size >= mostPages) {
                return Effect.fail(invalid(folder, `it has more than ${mostPages} pages; list folders below it`))
              }
            }
            return Effect.succeed([Chunk.fromIterable(objects), Option.fromNullable(next)])
          })
        )
      })
    )

const invalid = (location: string, reason: string): StoreError =>
  new StoreError({ location, kind: "invalid", reason: `the server's listing is not sound: ${reason}` })

const pageOf = (folder: string, { bucket, key: prefix }: Address, text: string): Effect.Effect<Page, StoreError> => {
  const root = parse(text)
  if (root?.name !== "ListBucketResult") return Effect.fail(invalid(folder, "it is not the XML of ListObjectsV2"))
  const isEncoded = textAt(root, "EncodingType") === "url"
  const objects: Array<Listed> = []
  for (const entry of root.children) {
    if (entry.name !== "Contents") continue
    const own = objectOf(entry, isEncoded)
    if (own === undefined) return Effect.fail(invalid(folder, "an entry has no key, or no size"))
    if (!own.key.startsWith(prefix)) return Effect.fail(invalid(folder, "an entry is not in the folder"))
    // Objects of this name stand for folders that are empty.
    if (own.key.endsWith("/")) continue
    objects.push({ location: `s3://${bucket}/${own.key}`, size: own.size, version: own.version })
  }
  const isCut = textAt(root, "IsTruncated") === "true"
  const next = textAt(root, "NextContinuationToken") ?? ""
  if (isCut && next === "") return Effect.fail(invalid(folder, "there is more, and no token for it"))
  return Effect.succeed({ objects, next: isCut ? next : undefined })
}

const objectOf = (entry: Element, isEncoded: boolean) => {
  const key = keyOf(textAt(entry, "Key") ?? "", isEncoded)
  const size = textAt(entry, "Size") ?? ""
  if (key === undefined || key === "" || !/^\d{1,15}$/.test(size)) return undefined
  return { key, size: Number(size), version: tagOf(textAt(entry, "ETag")) }
}

const keyOf = (text: string, isEncoded: boolean): string | undefined => {
  if (!isEncoded) return text
  try {
    return decodeURIComponent(text.replace(/\+/g, " "))
  } catch {
    return undefined
  }
}
