import { expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import { readingOf } from "../../../../src/sources/store/Guard.ts"
import type { Send } from "../../../../src/sources/store/http/Requests.ts"
import { listing } from "../../../../src/sources/store/s3/Listing.ts"

/** A server that has so many pages of one object each; the key of one depends on its page. */
const pages = (count: number, keyOf: (page: number) => string | undefined = (page) => `f/${page}`) => {
  let asked = 0
  const send: Send = () =>
    Effect.sync(() => {
      const number = asked++
      const more =
        asked < count
          ? `<IsTruncated>true</IsTruncated><NextContinuationToken>t${number}</NextContinuationToken>`
          : "<IsTruncated>false</IsTruncated>"
      const key = keyOf(number)
      const own = key === undefined ? "" : `<Contents><Key>${key}</Key><Size>3</Size></Contents>`
      const bytes = new TextEncoder().encode(`<ListBucketResult>${more}${own}</ListBucketResult>`)
      return { status: 200, headers: {}, first: {}, body: Stream.make(bytes), bytes: Effect.succeed(bytes) }
    })
  return { send, asked: () => asked }
}

const listed = (send: Send, most: number) =>
  Effect.runPromise(
    Effect.either(
      Stream.runCount(listing(send, readingOf({}), { url: "http://host", style: "path" }, most)("s3://bucket/f/"))
    )
  )

test("a listing whose pages never end is refused after a number of them", async () => {
  const endless = pages(Number.POSITIVE_INFINITY)
  expect(await listed(endless.send, 5)).toMatchObject({ left: { _tag: "StoreError", kind: "invalid" } })
  expect(endless.asked()).toBe(5)
  expect(await listed(pages(5).send, 5)).toMatchObject({ right: 5 })
})

test("so is one whose pages repeat objects, or are empty without an end", async () => {
  const refused = async (keyOf: (page: number) => string | undefined) => {
    const own = await listed(pages(Number.POSITIVE_INFINITY, keyOf).send, 1e6)
    return own._tag === "Left" ? own.left.message : `${own.right} objects`
  }
  expect(await refused((page) => `f/${Math.floor(page / 2)}`)).toContain("f/0 is on two pages that follow one another")
  expect(await refused(() => undefined)).toContain("2001 pages in a row hold no object")
  // Some empty ones are those of objects that were deleted.
  const some = pages(40, (page) => (page % 10 === 0 ? `f/${page}` : undefined))
  expect(await listed(some.send, 1e6)).toMatchObject({ right: 4 })
})
