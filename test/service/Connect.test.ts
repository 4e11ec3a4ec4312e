/** Addresses with common mistakes are refused, and no message shows the password in them. */
import { expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Service } from "../../src/service.ts"

const secret = "s3cr3t"

test.each([
  `user:${secret}@h:7717`,
  `${secret}@h:7717`,
  `http//user:${secret}@h:7717`,
  `//u:${secret}@h:1`,
  `http:/u:${secret}@h:99999`,
  `htp://u:${secret}@h:7717`,
  `http://u:${secret}/x@h:7717`,
  `http://u:${secret}#x@h:7717`,
  `http://u:${secret}?x@h:7717`,
  `http://u:x@${secret}@h:99999`,
  `http://u:${secret}%@h:7717`,
  `http://u:1/${secret}@h:7717`,
  `http://u:1#${secret}@h:7717`,
  `http://h:77177/?token=${secret}`,
  `h:7717/?token=${secret}`
])("the password in %s is not shown", async (url) => {
  const run = Service.remote(url, { seed: 1, epochs: 1 })
  const thrown = await run.take().then(
    () => undefined,
    (error: unknown) => error
  )
  expect(String(thrown)).toContain(
    'url must be an address such as http://127.0.0.1:7717, whose user and password are escaped: % is %25, / is %2F, # is %23, ? is %3F, @ is %40, got "…"'
  )
  const failed = await Effect.runPromise(Effect.scoped(Effect.either(Service.connect(url, { seed: 1, epochs: 1 }))))
  expect(String(Either.getOrThrow(Either.flip(failed)))).not.toContain(secret)
})

test("what is read before the first batch says how to begin, without `open`, which there is not", () => {
  const run = Service.remote("http://127.0.0.1:1", { seed: 1, epochs: 1, digest: true })
  for (const read of ["cursor", "stats", "digest"] as const) {
    let thrown: unknown
    try {
      void run[read]
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({
      _tag: "RunNotOpen",
      message: `${read} cannot be read before the run has begun: take a batch first`
    })
  }
})

test("an address without a password is shown", async () => {
  const run = Service.remote("ftp://h:7717", { seed: 1, epochs: 1 })
  await expect(run.take()).rejects.toThrow('got "ftp://h:7717"')
})
