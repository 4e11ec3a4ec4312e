import { expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import { readingOf } from "../../../../src/sources/store/Guard.ts"
import type { Send } from "../../../../src/sources/store/http/Requests.ts"
import { listing } from "../../../../src/sources/store/s3/Listing.ts"

/** A server that has so many pages of one object each. */
const pages = (count: number) => {
  let asked = 0
  const send: Send = () =>
    Effect.sync(() => {
      const number = asked++
      const more =
        asked < count
          ? `<IsTruncated>true</IsTruncated><NextContinuationToken>t${number}</NextContinuationToken>`
          : "<IsTruncated>false</IsTruncated>"
      const own = `<Contents><Key>f/${number}</Key><Size>3</Size></Contents>`
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
