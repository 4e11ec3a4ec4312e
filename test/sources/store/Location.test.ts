/** Locations and endpoints with common mistakes are refused, and no message shows the password in them. */
import { expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { Store } from "../../../src/index.ts"
import { hasPassword } from "../../../src/sources/store/Location.ts"

const secret = "s3cr3t"

test.each([
  `https://u:${secret}@h/a.jsonl`,
  `https://u:${secret}/x@h/a.jsonl`,
  `https://u:${secret}/*@h/a.jsonl`,
  `https:/u:${secret}@h/a.jsonl`,
  `https//u:${secret}@h/a.jsonl`,
  `//u:${secret}@h/a.jsonl`,
  `user:${secret}@h/a.jsonl`,
  `s3://u:${secret}/x@bucket/a.jsonl`,
  `s3:/u:${secret}@bucket/a.jsonl`,
  `hf://u:${secret}@datasets/a/b`,
  `file://u:${secret}@h/a.jsonl`
])("the password in %s is not shown", async (location) => {
  const found = await Effect.runPromise(Effect.either(Store.resolve(location)))
  const { message } = Either.getOrThrow(Either.flip(found))
  expect(message).toContain("…")
  expect(message).not.toContain(secret)
})

test.each([
  "https://cdn.example/npm/a@1.0/b:c@d.csv",
  "https://h:8443/a@1/b.jsonl",
  "https://h/a:b.jsonl?at=c@d",
  "s3://bucket/2026-11-28T00:00/a@2.jsonl",
  "hf://datasets/a/b@main/c:d.parquet",
  "/data/a:b@c.jsonl",
  "a:b@c.jsonl",
  "C:/data/a@2.jsonl"
])("%s has no password", (location) => {
  expect(hasPassword(location)).toBe(false)
})

test.each([`user:${secret}@h:9000`, `http:/u:${secret}/x@h:9000`, `http//u:${secret}@h`, `http://u:1/${secret}@h`])(
  "the password in the endpoint %s is not shown",
  async (endpoint) => {
    const layer = Store.s3({ endpoint, region: "eu-central-1", credentials: "anonymous" })
    const built = await Effect.runPromise(Effect.scoped(Effect.either(Layer.build(layer))))
    const { message } = Either.getOrThrow(Either.flip(built))
    expect(message).toContain('got "…"')
  }
)
