/** A service over HTTPS, for those who trust its certificate. */
import { expect, test } from "bun:test"
import { Effect, Redacted, Schedule } from "effect"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { Service } from "../../src/service.ts"
import { certificate, key } from "../support/certificate.ts"
import { numbers } from "./numbers.ts"

test("a run over HTTPS is that of this process; without trust in the certificate there is none", () =>
  Effect.gen(function* () {
    const { url } = yield* Service.serve({
      pipelines: { numbers },
      tls: { cert: certificate, key: Redacted.make(key) }
    })
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:/)
    const taken = (options: Partial<Service.ConnectOptions>) =>
      Effect.gen(function* () {
        const all = { seed: 42, epochs: 1, digest: true, attempts: Schedule.stop, ...options }
        const loader = yield* Service.connect(url, all)
        yield* loader.forEach(() => Effect.void)
        return yield* loader.digest
      })
    const local = Effect.gen(function* () {
      const loader = yield* Scheduler.open(numbers, { epochs: 1, digest: true })
      yield* loader.forEach(() => Effect.void)
      return yield* loader.digest
    })
    const own = yield* Effect.provide(local, SeedPolicy.epochWorker({ seed: 42 }))
    expect(yield* taken({ tls: { ca: certificate } })).toBe(own)
    // It is not tried again.
    const error = yield* Effect.flip(taken({ attempts: Schedule.spaced("1 hour") }))
    expect(error).toMatchObject({ _tag: "ServiceError", kind: "unreachable" })
    expect(error.message).toMatch(
      /self.signed certificate; trust a certificate of your own by the option tls: \{ ca \}$/
    )
  }).pipe(Effect.scoped, Effect.runPromise))

test("options that nobody can mean are InvalidOption, and name themselves", () =>
  Effect.gen(function* () {
    const odd = [
      [{ tls: null }, "tls"],
      [{ tls: { ca: "garbage" } }, "tls.ca"],
      [{ tls: { servername: "" } }, "tls.servername"],
      [{ tls: { cert: certificate } }, "an option of tls of Service.connect"],
      [{ attempts: 5 }, "attempts"],
      [{ compression: "gzip" }, "compression"]
    ] as const
    for (const [own, option] of odd) {
      // As untyped code may pass them.
      const options = { epochs: 1, ...own } as unknown as Service.ConnectOptions
      const error = yield* Effect.flip(Service.connect("https://127.0.0.1:1", options))
      expect(error).toMatchObject({ _tag: "InvalidOption", option })
    }
  }).pipe(Effect.scoped, Effect.runPromise))
