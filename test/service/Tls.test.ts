/** A service over HTTPS, for those who trust its certificate. */
import { expect, test } from "bun:test"
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Redacted, Schedule } from "effect"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { listenAt } from "../../src/service/Serve.ts"
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

test("who asks a service over HTTPS by http:// is asked whether both sides use TLS", () =>
  Effect.gen(function* () {
    const tls = { cert: certificate, key: Redacted.make(key) }
    const { url } = yield* Service.serve({ pipelines: { numbers }, tls })
    const plain = url.replace("https:", "http:")
    const error = yield* Effect.flip(Service.connect(plain, { seed: 42, epochs: 1, attempts: Schedule.stop }))
    expect(error).toMatchObject({ _tag: "ServiceError", kind: "unreachable" })
    expect(error.message).toMatch(/, before it had answered: do both sides use TLS, or neither\?$/)
  }).pipe(Effect.scoped, Effect.runPromise))

test.each([
  ["is closed", (socket: Socket) => socket.end()],
  ["is reset", (socket: Socket) => socket.resetAndDestroy()]
] as const)("so is one whose connection %s after its request", (_, close) =>
  Effect.gen(function* () {
    const server = createServer((socket) => {
      socket.on("error", () => undefined)
      socket.once("data", () => close(socket))
    })
    yield* Effect.acquireRelease(listenAt(server, "127.0.0.1", 0), () => Effect.sync(() => server.close()))
    const { port } = server.address() as AddressInfo // it listens at a port
    const asked = { seed: 42, epochs: 1, attempts: Schedule.stop }
    const error = yield* Effect.flip(Service.connect(`http://127.0.0.1:${port}`, asked))
    expect(error.message).toContain("before it had answered: do both sides use TLS, or neither?")
  }).pipe(Effect.scoped, Effect.runPromise)
)

const PYTHON = `
import sys
sys.path.insert(0, sys.argv[1])
from furrow_client import Run
_, _, url, ca, plain = sys.argv
run = Run(url, pipeline="numbers", seed=42, epochs=1, digest=True, ca=ca)
for batch in run:
    pass
print(run.digest)
for own, more in [(url, {}), (url, {"ca": __file__}), (plain, {})]:
    try:
        next(Run(own, pipeline="numbers", seed=42, epochs=1, patience=60, **more))
    except Exception as error:
        print(type(error).__name__, getattr(error, "kind", None), error)
try:
    Run(url, epochs=1).digest
except ValueError as error:
    print(error)
`
const hasPython = spawnSync("python3", ["-c", "import numpy"]).status === 0

test.skipIf(!hasPython)("the Python client trusts it by `ca`, and is told of that (needs python3 with NumPy)", () =>
  Effect.gen(function* () {
    const pipelines = { numbers }
    const { url } = yield* Service.serve({ pipelines, tls: { cert: certificate, key: Redacted.make(key) } })
    const plain = yield* Service.serve({ pipelines })
    const folder = mkdtempSync(join(tmpdir(), "furrow-tls-"))
    const [script, ca] = [join(folder, "client.py"), join(folder, "cert.pem")]
    writeFileSync(script, PYTHON)
    writeFileSync(ca, certificate)
    const client = fileURLToPath(new URL("../../src/service", import.meta.url))
    const began = performance.now()
    const said = yield* Effect.async<string>((resume) => {
      const child = spawn("python3", [script, client, url, ca, plain.url.replace("http:", "https:")])
      let all = ""
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (own) => (all += String(own)))
      child.on("close", () => resume(Effect.succeed(all)))
    })
    rmSync(folder, { recursive: true })
    const [digest, untrusted, noPem, noTls, noDigest] = said.trim().split("\n")
    const loader = yield* Service.connect(plain.url, { seed: 42, epochs: 1, digest: true })
    yield* loader.forEach(() => Effect.void)
    expect(digest).toBe(yield* loader.digest)
    expect(untrusted).toMatch(
      /^ServiceError unreachable .* is not trusted: self.signed certificate; trust .* ca='cert.pem'$/
    )
    expect(noPem).toMatch(/^ValueError None ca must be the path of a file of certificates as PEM, got '.*client.py'/)
    expect(noTls).toMatch(/^ServiceError unreachable .* does not speak TLS: ask it by http:\/\/$/)
    expect(noDigest).toBe("the run keeps no digest: give Run digest=True")
    // None of them is tried again for 60 seconds.
    expect(performance.now() - began).toBeLessThan(30_000)
  }).pipe(Effect.scoped, Effect.runPromise)
)

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
