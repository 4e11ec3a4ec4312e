/**
 * The laws hold on a cluster: runners in this process, on ports of their own, that are killed, hang and come back.
 */
import { afterEach, describe, expect, test } from "bun:test"
import { createHash, generateKeyPairSync } from "node:crypto"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { connect as connectSecurely } from "node:tls"
import { Effect, Exit, Fiber, Layer, Logger, Redacted, Schedule, Scope, Stream } from "effect"
import { failed } from "../../pipelines/train/Backend.ts"
import { serverOf } from "../../src/cluster/Listening.ts"
import { identity, MOST_ORDERS } from "../../src/cluster/RunnerMessages.ts"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { Tensor } from "../../src/core/Tensor.ts"
import { type Batch, FailurePolicy, Parity, Scheduler, SeedPolicy } from "../../src/index.ts"
import { FrameBytesReader, joined, pieces } from "../../src/service/FrameBytes.ts"
import { seal } from "../../src/service/FrameLead.ts"
import { listenAt } from "../../src/service/Serve.ts"
import { certificate, key } from "../support/certificate.ts"
import { proxy } from "../support/proxy.ts"
import { type Config, calls, pipeline } from "./numbers.ts"

const module = new URL("./numbers.ts", import.meta.url).href
const seeded = SeedPolicy.epochWorker({ seed: 42 })
const own = SeedPolicy.fromFunction("own", ({ epoch, index, stage }) => ({
  algorithm: "philox4x32-10",
  words: [index + 1000 * epoch, stage.id]
}))
const TIME = 30_000

/** What a test opens is closed behind it. */
const open = new Set<() => Promise<unknown>>()
afterEach(async () => {
  for (const close of open) await close()
  open.clear()
})

/** A runner that can be killed: its scope closes, and with it all its connections. */
const runner = async ({
  modules = [module],
  ...options
}: Partial<Runner.ListenOptions> & { modules?: Array<string> } = {}) => {
  const scope = Effect.runSync(Scope.make())
  const kill = () => Effect.runPromise(Scope.close(scope, Exit.void))
  open.add(kill)
  const own = await Effect.runPromise(
    Scope.extend(Runner.listen({ pipelines: modules, threads: 0, ...options }), scope)
  )
  return { ...own, address: `127.0.0.1:${own.port}`, kill }
}

/** The heads of what a runner answers to frames, until it ends the connection. */
const spoken = (port: number, heads: ReadonlyArray<Readonly<Record<string, unknown>>>) =>
  new Promise<ReadonlyArray<unknown>>((resolve) => {
    const reader = new FrameBytesReader({}, true)
    const answers: Array<unknown> = []
    const socket = connect(port, "127.0.0.1", () => {
      const frames = heads.map((head) => joined(pieces(head, [])))
      for (const [number, frame] of frames.entries()) seal(frame, number)
      socket.write(joined(frames))
    })
    socket.on("data", (piece: Uint8Array) => {
      for (const { head } of reader.take(piece)) answers.push(head)
    })
    socket.on("close", () => resolve(answers))
  })

const proxied = async (port: number) => {
  const own = await proxy(port)
  open.add(own.close)
  return own
}

interface Options extends Partial<Workers.ClusterOptions> {
  readonly config?: Config
  readonly addresses?: ReadonlyArray<string>
  readonly runners?: Layer.Layer<Runners.Runners, unknown>
  readonly policy?: Layer.Layer<SeedPolicy.SeedPolicy, unknown>
  readonly failures?: Layer.Layer<FailurePolicy.FailurePolicy, unknown>
  readonly taken?: (batches: number) => unknown
  readonly epochs?: number
  readonly prefetch?: number
}

const workersOf = ({
  addresses,
  config = {},
  epochs: _____,
  failures: _,
  policy: __,
  prefetch: ____,
  runners = addresses === undefined ? undefined : Runners.list(addresses),
  taken: ___,
  workers = 3,
  ...options
}: Options) =>
  runners === undefined
    ? Workers.fibers({ workers })
    : Workers.cluster({ workers, pipeline: module, config, ...options }).pipe(Layer.provide(runners))

/** Everything that a batch holds, to the bit. */
const textOf = ({ columns, indices }: Batch.Batch<unknown>): string =>
  JSON.stringify([columns, indices], (_, value: unknown) => {
    if (value instanceof Tensor) return [value.shape, Array.from(value.data, String)]
    if (ArrayBuffer.isView(value)) return [value.constructor.name, Array.from(value as Float32Array, String)] // no DataView
    if (typeof value === "number" || value === undefined) return Object.is(value, -0) ? "-0" : String(value)
    return typeof value === "bigint" ? `${value}n` : value
  })

/** A run of two epochs, and what comes of it; on fibers without addresses. */
const run = (options: Options) =>
  Effect.gen(function* () {
    let batches = 0
    // Fewer than there are, so that something is under way whenever something happens.
    const { epochs = 2, prefetch = 4 } = options
    const loader = yield* Scheduler.open(pipeline(options.config), { epochs, digest: true, replay: true, prefetch })
    const content = createHash("sha256")
    yield* Stream.runForEach(loader.stream, (batch) => {
      content.update(textOf(batch))
      return Effect.promise(async () => options.taken?.(++batches))
    })
    const { replaced, retried, samples, skipped } = yield* loader.stats
    return { digest: `${yield* loader.digest} ${content.digest("hex")}`, replaced, retried, samples, skipped }
  }).pipe(
    Effect.scoped,
    Effect.provide(options.policy ?? seeded),
    Effect.provide(options.failures ?? FailurePolicy.fail),
    Effect.provide(workersOf(options))
  )

const outcome = (options: Options) => Effect.runPromise(run(options))
const errorOf = (options: Options) => Effect.runPromise(Effect.flip(run(options)))

describe("a run on runners", () => {
  test.each([
    ["epochWorker", seeded, 2],
    ["elastic", SeedPolicy.elastic({ seed: 7 }), 1],
    ["a policy of one's own, whose seeds are sent", own, 2],
    ["a policy that carries streams", Parity.pytorch({ torch: 42 }), 2]
  ] as const)("delivers what fibers deliver, and calls each function once: %s", async (_, policy, count) => {
    const before = calls.length
    const expected = await outcome({ policy })
    const once = calls.length - before
    const all = await Promise.all(Array.from({ length: count }, () => runner()))
    expect(await outcome({ policy, addresses: all.map(({ address }) => address) })).toEqual(expected)
    expect(calls.length - before).toBe(2 * once)
  })

  test(
    "attempts again and skips what fails, on threads of a runner, with the counts of fibers",
    async () => {
      const config = { fails: { 3: 2, 11: 1, 12: 100 } }
      const failures = Layer.merge(
        FailurePolicy.retry(Schedule.recurs(2)),
        FailurePolicy.skip({ budget: { share: 1 }, report: () => Effect.void })
      )
      const expected = await outcome({ config, failures })
      expect(expected).toMatchObject({ skipped: 2 })
      const { address } = await runner({ threads: 1 })
      expect(await outcome({ config, failures, addresses: [address] })).toEqual(expected)
    },
    TIME
  )

  test("ends by the error that it is on fibers", async () => {
    const config = { fails: { 9: 100 } }
    const fiber = await errorOf({ config })
    const { address } = await runner()
    const error = await errorOf({ config, addresses: [address] })
    expect(error).toBeInstanceOf(Scheduler.StageError)
    expect(String(error)).toBe(String(fiber))
  })
})

describe("on the way", () => {
  test("the token and all else is encrypted, for those who trust the certificate", async () => {
    const token = Redacted.make("a token of some length")
    const { address } = await runner({ token, tls: { cert: certificate, key: Redacted.make(key) } })
    const addresses = [address]
    expect(await outcome({ addresses, token, tls: { ca: certificate } })).toEqual(await outcome({}))
    expect(String(await errorOf({ addresses, token, tls: {}, wait: 500 }))).toContain(address)
    expect(String(await errorOf({ addresses, token, wait: 500 }))).toContain("do both sides use TLS, or neither?")
    const plain = await runner()
    const error = await errorOf({ addresses: [plain.address], tls: { ca: certificate }, wait: 500 })
    expect(String(error)).toContain("do both sides use TLS, or neither?")
    const garbage = await errorOf({ addresses, tls: { ca: "garbage" } })
    expect(garbage).toMatchObject({ _tag: "InvalidOption", option: "tls.ca" })
  })

  test("a runner that has as many loaders as it takes is not a matter of TLS alone", async () => {
    // As a runner does where so many come at once that it cannot tell them.
    const server = createServer((socket) => socket.destroy())
    await Effect.runPromise(listenAt(server, "127.0.0.1", 0))
    open.add(async () => server.close())
    const { port } = server.address() as AddressInfo // it listens at a port
    const error = await errorOf({ addresses: [`127.0.0.1:${port}`], wait: 500 })
    expect(String(error)).toContain("has it as many loaders as its option connections allows?")
  })

  test(
    "batches may come as zstd, from runners with threads, too, and are the same",
    async () => {
      const config = { size: 4000, batch: 1000 }
      const expected = await outcome({ config })
      const all = await Promise.all([runner(), runner({ threads: 1 })])
      const addresses = all.map(({ address }) => address)
      expect(await outcome({ config, addresses, compression: "zstd" })).toEqual(expected)
      const odd = await errorOf({ addresses, compression: "lz4" as "zstd" })
      expect(odd).toMatchObject({ _tag: "InvalidOption", option: "compression", value: "lz4" })
    },
    TIME
  )

  test("nothing more is received than may lie there, until the consumer waits", async () => {
    const expected = await outcome({})
    const { address } = await runner()
    const own = await outcome({
      addresses: [address],
      prefetchBytes: 1,
      taken: () => new Promise((resolve) => setTimeout(resolve, 2))
    })
    expect(own).toEqual(expected)
  })
})

describe("runners come and go", () => {
  for (const [name, policy] of [
    ["epochWorker", seeded],
    ["a policy that carries streams", Parity.pytorch({ torch: 42 })]
  ] as const) {
    test(
      `any of them is killed, anywhere, and started again: ${name}`,
      async () => {
        const { digest } = await outcome({ policy })
        for (let round = 0; round < 4; round++) {
          const all = await Promise.all([runner(), runner()])
          const ports = all.map(({ port }) => port)
          const living = [...all]
          const own = await outcome({
            policy,
            workers: 3,
            restarts: 100,
            addresses: all.map(({ address }) => address),
            taken: async (batches) => {
              // The other one is killed while this one may not be back.
              if (batches % (3 + round) !== 0) return
              const at = (batches + round) % 2
              await living[at]?.kill()
              const port = ports[at] ?? 0
              living[at] = await runner({ port })
            }
          })
          expect(own).toMatchObject({ digest, samples: 200 })
          await Promise.all(living.map(({ kill }) => kill()))
        }
      },
      TIME
    )
  }

  test(
    "one that is started late is used",
    async () => {
      const first = await runner()
      const late = await runner()
      await late.kill()
      let served = 0
      await outcome({
        config: { size: 400, waits: 2 },
        addresses: [first.address, late.address],
        taken: async (batches) => {
          if (batches === 2) {
            const again = await runner({ port: late.port })
            served = -1
            void Effect.runPromise(
              Effect.repeat(again.loaders, { until: (own) => own > 0, schedule: Schedule.spaced(10) })
            ).then(() => {
              served = batches
            })
          }
        }
      })
      expect(served).toBe(2)
    },
    TIME
  )

  test("one that drains is left, and nothing is attempted twice", async () => {
    const { digest } = await outcome({})
    const all = await Promise.all([runner(), runner()])
    let drained: Promise<void> | undefined
    const own = await outcome({
      addresses: all.map(({ address }) => address),
      taken: (batches) => {
        if (batches === 5) drained = Effect.runPromise(all[0]?.drain ?? Effect.void)
      }
    })
    await drained
    expect(own).toMatchObject({ digest, replaced: 0 })
  })

  test(
    "one that is silent, on a connection that nobody ends, is given up",
    async () => {
      const { digest } = await outcome({})
      const all = await Promise.all([runner(), runner()])
      const cable = await proxied(all[0]?.port ?? 0)
      const began = performance.now()
      const own = await outcome({
        addresses: [cable.address, all[1]?.address ?? ""],
        silence: "2 seconds",
        hedge: false,
        taken: (batches) => batches === 3 && cable.freeze(true)
      })
      expect(own.digest).toBe(digest)
      expect(own.replaced).toBeGreaterThan(0)
      expect(performance.now() - began).toBeLessThan(20_000)
    },
    TIME
  )

  test(
    "another one is asked for what one takes long for, and the first answer counts",
    async () => {
      const config = { size: 400 }
      const { digest } = await outcome({ config })
      const all = await Promise.all([runner(), runner()])
      const cable = await proxied(all[0]?.port ?? 0)
      const slowed = async (hedge: number | false) => {
        cable.slow(0)
        return await outcome({
          addresses: [cable.address, all[1]?.address ?? ""],
          config,
          hedge,
          taken: (batches) => batches === 3 && cable.slow(150)
        })
      }
      const own = await slowed(30)
      expect(own.digest).toBe(digest)
      expect(own.replaced).toBeGreaterThan(0)
      expect(await slowed(false)).toMatchObject({ digest, replaced: 0 })
    },
    TIME
  )

  test(
    "batches that a broken connection cut in two are dropped",
    async () => {
      const config = { size: 4000, batch: 1000 }
      const { digest } = await outcome({ config })
      const { port } = await runner()
      const cable = await proxied(port)
      const own = await outcome({ config, restarts: 100, addresses: [cable.address], taken: cable.cut })
      expect(own).toMatchObject({ digest, samples: 8000 })
      expect(cable.made()).toBeGreaterThan(1)
    },
    TIME
  )
})

describe("a run fails", () => {
  test(
    "with the coordinates of a batch that kills whoever builds it, after as many attempts as are allowed",
    async () => {
      const { address } = await runner({ threads: 1 })
      const error = await errorOf({ config: { poison: 50 }, restarts: 1, addresses: [address] })
      expect(error).toMatchObject({ _tag: "BackendError", backend: "cluster", epoch: 0, batch: expect.any(Number) })
      expect(String(error)).toContain("after 1 replacement")
    },
    TIME
  )

  test(
    "where streams are carried, and no other batch is blamed in the log",
    async () => {
      const policy = Parity.pytorch({ torch: 42 })
      const { address } = await runner({ threads: 1 })
      const lost: Array<string> = []
      const logger = Logger.make(({ message }) => lost.push(...[message].flat().map(String)))
      const error = await Effect.runPromise(
        Effect.flip(run({ policy, config: { poison: 50 }, epochs: 1, restarts: 1, addresses: [address] })).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
      )
      const { batch } = error as { readonly batch?: number }
      expect(batch).toBeGreaterThanOrEqual(0)
      const told = lost.filter((line) => line.includes("lost runner"))
      expect(told.length).toBeGreaterThan(0)
      for (const line of told) expect(line).toContain(`batch ${batch} of epoch 0`)
      expect(told.map((line) => line.slice(line.lastIndexOf(";")))).toEqual([
        `; batch ${batch} of epoch 0 is built again elsewhere`,
        `; batch ${batch} of epoch 0 fails, as \`restarts\` is 1`
      ])
    },
    TIME
  )

  test(
    "if a batch hangs wherever it is built, once its time has run out as often as is allowed",
    async () => {
      const { address } = await runner({ threads: 1 })
      const error = await errorOf({ config: { hangs: 50 }, restarts: 1, timeout: 300, addresses: [address] })
      expect(error).toMatchObject({ _tag: "BackendError", backend: "cluster", epoch: 0, batch: expect.any(Number) })
      expect(String(error)).toContain("it was not done after the timeout of 300ms, after 1 replacement")
    },
    TIME
  )

  test(
    "if a runner has as many loaders as it takes, and says so; a loader that waits gets its turn",
    async () => {
      const { address } = await runner({ connections: 1 })
      const expected = await outcome({})
      let refused: Promise<unknown> | undefined
      let waiting: Promise<unknown> | undefined
      const first = await outcome({
        addresses: [address],
        taken: async (batches) => {
          if (batches !== 1) return
          waiting = outcome({ addresses: [address], wait: "30 seconds" })
          refused = errorOf({ addresses: [address], wait: 500 })
          await refused
        }
      })
      const reason = expect.stringContaining("it has as many loaders as it takes (connections: 1): raise `wait`")
      expect(await refused).toMatchObject({ _tag: "BackendError", reason })
      expect(first).toEqual(expected)
      expect(await waiting).toEqual(expected)
    },
    TIME
  )

  test(
    "if there is no runner for as long as it may wait: at its start, and later",
    async () => {
      const { address, kill } = await runner()
      const later = await errorOf({ addresses: [address], wait: 300, taken: (batches) => batches === 2 && kill() })
      expect(later).toMatchObject({ _tag: "BackendError", reason: expect.stringContaining("no runner has been there") })
      const atOnce = await errorOf({ addresses: [address], wait: 300 })
      expect(atOnce).toMatchObject({ _tag: "BackendError", reason: expect.stringContaining(`runner ${address}: `) })
      const place = "sqlite:nowhere"
      const empty = { changes: Stream.concat(Stream.make([]), Stream.never), owner: () => undefined, place }
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(String(message)))
      const none = run({ runners: Layer.succeed(Runners.Runners, empty), wait: "2100 millis" })
      // Both times pass while the process stands still, as on a machine that is overloaded.
      setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400), 1900)
      const late = await Effect.runPromise(
        Effect.flip(none).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      )
      expect(said).toEqual([
        expect.stringMatching(
          /^backend cluster waits for a runner, for 2s 100ms in all \(none is listed in sqlite:nowhere\)/
        )
      ])
      expect(String(late)).toContain(
        "no runner has been there for 2s 100ms (none is listed in sqlite:nowhere); start one (Runner.listen, or"
      )
      // train.ts names its own option.
      expect(late).toBeInstanceOf(Scheduler.BackendError)
      if (late instanceof Scheduler.BackendError) expect(failed(late).message).toMatch(/, or raise --wait$/)
    },
    TIME
  )

  test("at once if all runners have other code, and says in what it differs; one that fits is enough", async () => {
    const other = await runner({ modules: [new URL("./other/numbers.ts", import.meta.url).href] })
    const error = await errorOf({ addresses: [other.address] })
    expect(String(error)).toMatch(/is not the one that is run: they differ in/)
    const fits = await runner()
    const { digest } = await outcome({})
    expect(await outcome({ addresses: [other.address, fits.address] })).toMatchObject({ digest })
    // A list that changes may lack one that fits for a while.
    const infos = [other, fits].map(({ host, id, port, threads }) => ({ host, id, port, threads }))
    const late = Stream.fromSchedule(Schedule.spaced("150 millis")).pipe(Stream.map((at) => infos.slice(0, at + 1)))
    const runners = Layer.succeed(Runners.Runners, {
      changes: Stream.concat(Stream.take(late, 2), Stream.never),
      owner: () => undefined
    })
    expect(await outcome({ runners })).toMatchObject({ digest })
  })

  test("at once if the runner has no such module, or asks for a token", async () => {
    const other = await runner({ modules: [import.meta.url] })
    expect(String(await errorOf({ addresses: [other.address] }))).toContain(
      "it has no module numbers; it was started with Cluster"
    )
    const token = Redacted.make("a token of some length")
    const guarded = await runner({ token })
    const addresses = [guarded.address]
    for (const wrong of [undefined, Redacted.make("another one")]) {
      const error = String(await errorOf({ addresses, ...(wrong === undefined ? {} : { token: wrong }) }))
      expect(error).toContain(`asks for a token, and ${wrong === undefined ? "none was given" : "this one is wrong"}`)
      expect(error).not.toContain("another one")
      expect(error).not.toContain("start one")
    }
    expect(await outcome({ addresses, token })).toMatchObject({ samples: 200 })
    // Another one could come here.
    const changes = Stream.concat(Stream.make([{ ...guarded, threads: 1 }]), Stream.never)
    const runners = Layer.succeed(Runners.Runners, { changes, owner: () => undefined })
    expect(String(await errorOf({ runners, wait: 300 }))).toMatch(
      /no runner that can build this run has been there for 300ms \(runner [^;]*: the loader's must be the runner's\)$/
    )
  })
})

describe("a runner", () => {
  test(
    "is left by a run that is interrupted, and builds nothing more for it",
    async () => {
      const { address, loaders } = await runner()
      const before = calls.length
      let started = (): void => undefined
      const first = new Promise<void>((resolve) => {
        started = resolve
      })
      const fiber = Effect.runFork(run({ addresses: [address], config: { size: 4000, waits: 5 }, taken: started }))
      await first
      expect(await Effect.runPromise(loaders)).toBe(1)
      await Effect.runPromise(Fiber.interrupt(fiber))
      await Effect.runPromise(Effect.repeat(loaders, { until: (own) => own === 0, schedule: Schedule.spaced(5) }))
      const built = calls.length
      await Effect.runPromise(Effect.sleep(50))
      expect(calls.length).toBe(built)
      expect(built - before).toBeLessThan(8000)
    },
    TIME
  )

  test(
    "is ordered no more batches than it takes at once",
    async () => {
      const { address } = await runner()
      const policy = Parity.pytorch({ torch: 42 })
      const config = { size: MOST_ORDERS + 50, batch: 1 }
      const own = await outcome({ policy, config, workers: 600, prefetch: 8, epochs: 1, addresses: [address] })
      expect(own).toMatchObject({ samples: config.size, replaced: 0 })
    },
    TIME
  )

  test("says what is wrong with what a loader sends", async () => {
    const { port } = await runner()
    const answers = await spoken(port, [
      { kind: "hello", ...identity, token: null },
      { kind: "build", id: 1 }
    ])
    expect(answers).toMatchObject([
      { kind: "welcome" },
      { kind: "refused", reason: "it sent build before its run was open", lasting: true }
    ])
  })

  test("answers whoever sends what is no frame, or one that was changed, by ending the connection, and serves on", async () => {
    const { address, port } = await runner()
    const hello = new TextEncoder().encode('{"kind":"hello","protocol":1,"parts":[]}  ')
    for (let seed = 0; seed < 100; seed++) {
      const bytes = new Uint8Array(24 + hello.length)
      new DataView(bytes.buffer).setUint32(0, 0x32575246, true)
      new DataView(bytes.buffer).setUint32(4, hello.length, true)
      bytes.set(hello, 24)
      bytes[(seed * 7) % bytes.length] = seed
      const closed = new Promise<void>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.end(bytes))
        socket.on("error", () => undefined)
        socket.on("close", () => resolve())
        socket.resume()
      })
      await closed
    }
    expect(await outcome({ addresses: [address] })).toMatchObject({ samples: 200 })
  })

  test("ends connections that say nothing before their handshake, which would keep others out", async () => {
    const served: Array<Socket> = []
    const server = serverOf(
      { cert: certificate, key },
      100,
      (socket) => void served.push(socket.on("error", () => undefined))
    )
    server.maxConnections = 3
    await Effect.runPromise(listenAt(server, "127.0.0.1", 0))
    const { port } = server.address() as AddressInfo // it listens at a port
    const silent = Array.from({ length: 3 }, () => connect(port, "127.0.0.1").on("error", () => undefined))
    open.add(async () => {
      for (const socket of [...silent, ...served]) socket.destroy()
      server.close()
    })
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.resume().on("close", resolve))))
    const loader = connectSecurely({ port, host: "127.0.0.1", ca: certificate, rejectUnauthorized: false })
    await new Promise((resolve, reject) => loader.on("secureConnect", resolve).on("error", reject))
    loader.destroy()
  })

  test("refuses addresses that others can reach without a token, and modules that are none", async () => {
    const listening = (options: Partial<Runner.ListenOptions>) =>
      Effect.runPromise(Effect.flip(Effect.scoped(Runner.listen({ pipelines: [module], ...options }))))
    expect(await listening({ host: "0.0.0.0" })).toMatchObject({ _tag: "InvalidOption", option: "host" })
    expect(await listening({ pipelines: [] })).toMatchObject({ _tag: "InvalidOption", option: "pipelines" })
    for (const end of ["ü", " ", "\n", "😀"]) {
      const error = await listening({ token: `sekret-sekret-sekret${end}` })
      expect(error).toMatchObject({ _tag: "InvalidOption", option: "token" })
      expect(String(error)).not.toContain("sekret")
    }
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    const wrong = String(other.export({ type: "pkcs8", format: "pem" }))
    for (const [cert, own, option] of [
      ["garbage", key, "tls.cert"],
      [certificate, "garbage", "tls.key"],
      [certificate, wrong, "tls.key"]
    ] as const) {
      const error = await listening({ tls: { cert, key: Redacted.make(own) } })
      expect(error).toMatchObject({ _tag: "InvalidOption", option })
    }
    expect(await listening({ pipelines: [`${module}x`] })).toMatchObject({ _tag: "InvalidOption" })
    expect(await listening({ pipelines: [module, new URL("./other/numbers.ts", import.meta.url)] })).toMatchObject({
      _tag: "InvalidOption",
      option: "pipelines"
    })
  })
})
