/** A service over HTTPS, for those who trust its certificate: by the variables of each runtime. */
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { Service } from "../../src/service.ts"
import { certificate, key } from "../support/certificate.ts"
import { start, TIME } from "../support/process.ts"
import { numbers } from "./numbers.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "furrow-tls-"))),
  (own) => Effect.sync(() => rmSync(own, { recursive: true }))
)

test(
  "a run over HTTPS is that of this process; without trust in the certificate there is none",
  () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "ca.pem")
      writeFileSync(file, certificate)
      const tls = { cert: certificate, key: Redacted.make(key) }
      const { url } = yield* Service.serve({ pipelines: { numbers }, tls })
      expect(url).toMatch(/^https:\/\/127\.0\.0\.1:/)
      const taken = (env: Readonly<Record<string, string>>) =>
        Effect.map(
          Effect.promise(() => start("../test/service/taker.ts", [url], { env }).ended),
          ({ stdout }) => stdout.trim()
        )
      const [trusted, other] = yield* Effect.all([taken({ NODE_EXTRA_CA_CERTS: file, DENO_CERT: file }), taken({})], {
        concurrency: 2
      })
      const local = Effect.gen(function* () {
        const loader = yield* Scheduler.open(numbers, { epochs: 1, digest: true })
        yield* loader.forEach(() => Effect.void)
        return yield* loader.digest
      })
      expect(trusted).toBe(yield* Effect.provide(local, SeedPolicy.epochWorker({ seed: 42 })))
      expect(other).toMatch(/^ServiceError: /)
    }).pipe(Effect.scoped, Effect.runPromise),
  TIME
)
