/**
 * A service that ends, is not there yet, or cannot open a run: what its trainers are told, and what is logged.
 */
import { expect, test } from "bun:test"
import { spawn, spawnSync } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { Data, Effect, Exit, Fiber, Layer, Logger, Schedule, Scope } from "effect"
import { Dataset, Pipeline } from "../../src/index.ts"
import { Service } from "../../src/service.ts"

const slow = Pipeline.from(Dataset.range(600)).pipe(
  Pipeline.mapEffect("slow", (value) => Effect.as(Effect.sleep("3 millis"), value)),
  Pipeline.batch(10)
)

class NoStore extends Data.TaggedError("NoStore")<{ readonly message: string }> {}

const failing = Pipeline.from(
  Dataset.effect({ size: 20, get: () => Effect.fail(new NoStore({ message: "the bucket is closed" })) })
).pipe(Pipeline.batch(4))

/** Where a pipeline with `failing` batches cannot even be opened. */
const unopened: Service.WorkersOf = () => Layer.fail(new NoStore({ message: "the bucket is closed" })) as never

/** Runs an effect, and returns what was logged at least as a warning. */
const warned = async (effect: (warnings: ReadonlyArray<string>) => Effect.Effect<unknown, unknown, Scope.Scope>) => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel.ordinal >= 30_000) warnings.push([message].flat().map(String).join(" "))
  })
  const logged = Effect.provide(Effect.scoped(effect(warnings)), Logger.replace(Logger.defaultLogger, logger))
  await Effect.runPromise(logged as Effect.Effect<unknown>) // what fails shows as a rejection
  return warnings
}

const portOf = (url: string): number => Number(new URL(url).port)

/** A port at which nothing listens. */
const freePort = Effect.map(Effect.scoped(Service.serve({ pipelines: { slow } })), ({ url }) => portOf(url))

test("the end of a service is a broken connection to all of its trainers, not the end of their runs", async () => {
  const warnings = await warned(() =>
    Effect.gen(function* () {
      const port = yield* freePort
      const serving = Effect.scoped(
        Effect.zipRight(Service.serve({ pipelines: { slow }, port }), Effect.sleep("60 millis"))
      )
      const server = yield* Effect.forkScoped(Effect.forever(Effect.zipLeft(serving, Effect.sleep("10 millis"))))
      const options = { epochs: 1, digest: true, attempts: Schedule.spaced("5 millis"), workers: 2 } as const
      const trainer = (seed: number) =>
        Effect.gen(function* () {
          const loader = yield* Service.connect(`http://127.0.0.1:${port}`, { ...options, seed })
          const places: Array<number> = []
          yield* loader.forEach(({ index }) => Effect.sync(() => places.push(index)))
          return { places, reconnected: (yield* loader.stats).reconnected }
        })
      for (const { places, reconnected } of yield* Effect.all([1, 2, 3].map(trainer), { concurrency: 3 })) {
        expect(places).toEqual(Array.from({ length: 60 }, (_, at) => at))
        expect(reconnected).toBeGreaterThan(1)
      }
      yield* Fiber.interrupt(server)
    })
  )
  expect(warnings.filter((warning) => !warning.includes("trying again"))).toEqual([])
}, 60_000)

test("a service that is not there is a warning at once, and one only", async () => {
  const warnings = await warned((warnings) =>
    Effect.gen(function* () {
      const port = yield* freePort
      const url = `http://127.0.0.1:${port}`
      const coming = yield* Effect.forkScoped(Service.connect(url, { epochs: 1 }))
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => warnings.length > 0 })
      yield* Effect.sleep("500 millis")
      const first = yield* Scope.make()
      yield* Scope.extend(Service.serve({ pipelines: { slow }, port }), first)
      const loader = yield* Fiber.join(coming)
      yield* loader.take
      expect(warnings.length).toBe(1)
      // Once more for the next outage; what breaks and is opened again is none.
      yield* Scope.close(first, Exit.void)
      const later = yield* Effect.forkScoped(loader.forEach(() => Effect.void))
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => warnings.length > 1 })
      yield* Service.serve({ pipelines: { slow }, port })
      yield* Fiber.join(later)
      const attempts = Schedule.recurs(2)
      yield* Effect.flip(Service.connect("http://127.0.0.1:1", { epochs: 1, attempts }))
      // There is no other attempt.
      yield* Effect.flip(Service.connect("http://127.0.0.1:1", { epochs: 1, attempts: Schedule.stop }))
    })
  )
  expect(warnings.length).toBe(3)
  expect(warnings[0]).toContain("cannot be reached: ")
  expect(warnings[0]).toContain("; trying again, for 2 minutes")
  expect(warnings[1]).toBe(warnings[0] ?? "")
  expect(warnings[2]).toContain("trying again, as the option attempts says")
}, 60_000)

test("a run that cannot be opened is told at once, and logged where it was to be opened", async () => {
  const warnings = await warned(() =>
    Effect.gen(function* () {
      const { url } = yield* Service.serve({ pipelines: { failing }, workersOf: unopened })
      const error = yield* Effect.flip(Service.connect(url, { epochs: 1 }))
      expect(error).toMatchObject({ _tag: "ServiceError", kind: "run", tag: "NoStore" })
      expect(error.message).toContain("has a run that failed: the bucket is closed")
    })
  )
  expect(warnings).toEqual([expect.stringContaining("a run could not be opened, which its trainer is told")])
}, 10_000)

test("a service that drains says so; its trainers are served, and others go on where a service listens there again", async () => {
  const few = Pipeline.from(Dataset.range(60)).pipe(Pipeline.batch(10))
  const warnings = await warned((warnings) =>
    Effect.gen(function* () {
      const first = yield* Scope.make()
      const { drain, url } = yield* Scope.extend(Service.serve({ pipelines: { few } }), first)
      const present = yield* Service.connect(url, { epochs: 1 })
      const drained = yield* Effect.forkScoped(drain)
      yield* Effect.yieldNow()
      const error = yield* Effect.flip(Service.connect(url, { epochs: 1, attempts: Schedule.stop }))
      expect(error).toMatchObject({ kind: "unreachable", tag: "Draining" })
      const late = yield* Effect.forkScoped(Effect.flatMap(Service.connect(url, { epochs: 1 }), ({ take }) => take))
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => warnings.length > 0 })
      yield* present.forEach(() => Effect.void)
      expect((yield* present.stats).batches).toBe(6)
      yield* Fiber.join(drained)
      yield* Scope.close(first, Exit.void)
      yield* Service.serve({ pipelines: { few }, port: portOf(url) })
      expect((yield* Fiber.join(late))._tag).toBe("Some")
    })
  )
  // Of the one that does not try again there is none.
  expect(warnings).toEqual([
    expect.stringContaining("cannot be reached: it is shutting down and accepts no more trainers")
  ])
}, 20_000)

const python = spawnSync("python3", ["-c", "import numpy"], { encoding: "utf8" })
const hasPython = python.error === undefined && python.status === 0

const client = dirname(fileURLToPath(new URL("../../src/service/furrow_client.py", import.meta.url)))

const SCRIPT = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import time
from furrow_client import Run, ServiceError
here = sys.argv[2]
for url in (here, "http://me:s3cret@127.0.0.1:1/", "http://me:s3c/ret@host/", "ftp://me:s3cret@host/"):
    began = time.monotonic()
    try:
        next(Run(url, epochs=1, patience=0.3 if "@" in url else 120))
    except (ServiceError, ValueError) as error:
        kind = getattr(error, "kind", None)
        if kind == "unreachable" and time.monotonic() - began < 0.3:
            print("given up too early")
        print(type(error).__name__, kind, getattr(error, "tag", None), error)
`

test.skipIf(!hasPython)(
  "the Python client says the same, and shows no password of an address (needs python3 with NumPy)",
  async () => {
    await warned(() =>
      Effect.gen(function* () {
        const { url } = yield* Service.serve({ pipelines: { failing }, workersOf: unopened })
        const [said, logged] = yield* Effect.promise(
          () =>
            new Promise<readonly [string, string]>((resolve) => {
              const child = spawn("python3", ["-c", SCRIPT, client, url])
              const said = ["", ""] as [string, string]
              for (const [at, stream] of [child.stdout, child.stderr].entries()) {
                stream.on("data", (piece: Buffer) => {
                  said[at] += piece.toString()
                })
              }
              child.on("close", () => resolve(said))
            })
        )
        const unreachable = "the service at http://127.0.0.1:1 cannot be reached: "
        const [run, absent, ...refused] = said.trim().split("\n")
        expect(run).toBe(`ServiceError run NoStore the service at ${url} has a run that failed: the bucket is closed`)
        expect(absent).toContain(`ServiceError unreachable None ${unreachable}`)
        expect(refused.length).toBe(2)
        for (const line of refused) expect(line).toContain("ValueError None None url must be an address such as")
        expect(said).not.toContain("s3c")
        // One warning, by `logging`.
        expect(logged.trim().split("\n")).toEqual([expect.stringContaining(unreachable)])
        expect(logged).toContain("; trying again, for 0.3 seconds")
      })
    )
  },
  30_000
)

const ODD = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from furrow_client import Run
cursor = {"epoch": 0, "batch": 1, "digest": None}
odd = [{"start": one} for one in ({}, "x", {"digest": "zz"}, {"digest": 5}, {**cursor, "own": {1, 2}})]
odd += [{"silence": 0}, {"silence": float("inf")}, {"patience": -1}, {"patience": float("nan")}]
for options in odd:
    try:
        Run("http://127.0.0.1:1", epochs=1, **options)
    except ValueError as error:
        print(str(error).split()[0])
Run("http://127.0.0.1:1", start=cursor, silence=None)
`

test.skipIf(!hasPython)("the Python client refuses options that nobody can mean (needs python3 with NumPy)", () => {
  const { stderr, stdout } = spawnSync("python3", ["-c", ODD, client], { encoding: "utf8" })
  expect(stderr).toBe("")
  const names = ["start", "start", "start", "start", "start", "silence", "silence", "patience", "patience"]
  expect(stdout.trim().split("\n")).toEqual(names)
})

const RANKS = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import os
from furrow_client import Run
for line in sys.argv[2:]:
    for name in ("FURROW_RANK", "FURROW_WORLD_SIZE", "RANK", "WORLD_SIZE"):
        os.environ.pop(name, None)
    os.environ.update(pair.split("=") for pair in line.split())
    try:
        spec = Run("http://127.0.0.1:1", epochs=1)._spec
        print(spec.get("rank"), spec.get("world"))
    except ValueError as error:
        print(error)
`

test.skipIf(!hasPython)(
  "the Python client takes ranks from the environment by the rules of ranksFromEnvironment (needs python3 with NumPy)",
  () => {
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["", "None None"],
      ["RANK=3 WORLD_SIZE=8", "3 8"],
      ["RANK=3 WORLD_SIZE=8 FURROW_RANK=1 FURROW_WORLD_SIZE=2", "1 2"],
      ["WORLD_SIZE=1", "None None"],
      ["RANK=1", "rank 1 of how many is unknown: neither FURROW_WORLD_SIZE nor WORLD_SIZE is set; set one beside RANK"],
      ["WORLD_SIZE=2", "neither FURROW_RANK nor RANK is set, so every process would be rank 0"],
      ["RANK=x WORLD_SIZE=2", "RANK of the environment must be a whole number of at least 0, got 'x'"],
      ["RANK=0 WORLD_SIZE=", "WORLD_SIZE of the environment must be a whole number of at least 0, got ''"],
      ["RANK=2 WORLD_SIZE=2", "RANK: rank 2 is not below the world size 2"],
      ["RANK=0 WORLD_SIZE=0", "WORLD_SIZE: 0 is no world size from 1 to 65536"]
    ]
    const { stdout } = spawnSync("python3", ["-c", RANKS, client, ...cases.map(([line]) => line)], { encoding: "utf8" })
    const said = stdout.trim().split("\n")
    expect(said.length).toBe(cases.length)
    for (const [at, [, expected]] of cases.entries()) expect(said[at]).toContain(expected)
  }
)

const LINES = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from furrow_client import Run, ServiceError
try:
    next(Run(sys.argv[2], epochs=1, patience=0.1))
except ServiceError as error:
    print(error)
`

test.skipIf(!hasPython)(
  "the Python client gives a refusal the lines that the service gave it, and nothing else that moves a cursor (needs python3 with NumPy)",
  async () => {
    const server = createServer((_, response) => {
      response.writeHead(400).end(JSON.stringify({ error: "Refused", message: "first\n  second\r\u001b[2Jthird" }))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    try {
      const { port } = server.address() as AddressInfo // of a server on TCP
      const url = `http://127.0.0.1:${port}`
      const said = await new Promise<string>((resolve) => {
        const child = spawn("python3", ["-c", LINES, client, url])
        let own = ""
        child.stdout.on("data", (piece: Buffer) => {
          own += piece.toString()
        })
        child.on("close", () => resolve(own))
      })
      expect(said).toBe(`the service at ${url} refuses: first\n  second\\r\\x1b[2Jthird\n`)
    } finally {
      server.close()
    }
  },
  30_000
)
