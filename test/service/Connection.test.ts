/**
 * Connections that break, services that go and come back, and trainers that leave.
 */
import { expect, test } from "bun:test"
import { spawn, spawnSync } from "node:child_process"
import { createServer, connect as dial, type Socket } from "node:net"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Exit, Fiber, Option, Schedule, Scope, Stream } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler } from "../../src/index.ts"
import { encode } from "../../src/service/Frame.ts"
import { pieces } from "../../src/service/FrameBytes.ts"
import { Service } from "../../src/service.ts"

const noisy = Pipeline.from(Dataset.range(400)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (value, rng) => ({ value: value + rng.float(), row: new Float32Array(5000).fill(value) })),
  Pipeline.batch(8)
)
const asked = { seed: 7, epochs: 2, digest: true, attempts: Schedule.spaced("5 millis") } as const

/** A server on loopback; its connections, and those that it is told to `keep`, end with the scope. */
const listening = (accept: (socket: Socket, keep: (socket: Socket) => void) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const keep = (socket: Socket): void => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("close", () => sockets.delete(socket))
      }
      const server = createServer((socket) => {
        keep(socket)
        accept(socket, keep)
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  )

/** A way to a port that breaks each connection after so many bytes; the numbers are used over and over. */
const breaking = (port: number, after: ReadonlyArray<number>) =>
  Effect.suspend(() => {
    let count = 0
    const way = listening((near, keep) => {
      const far = dial(port, "127.0.0.1")
      keep(far)
      let left = after[count % after.length] ?? 0
      count++
      near.pipe(far)
      far.on("data", (piece: Uint8Array) => {
        near.write(piece.subarray(0, left))
        left -= piece.length
        if (left > 0) return
        near.destroy()
        far.destroy()
      })
      far.on("end", () => near.end())
    })
    return Effect.map(way, ({ url }) => ({ url, count: () => count }))
  })

const whole = (url: string) =>
  Effect.gen(function* () {
    const loader = yield* Service.connect(url, asked)
    const places: Array<string> = []
    yield* loader.forEach(({ epoch, index }) => Effect.sync(() => places.push(`${epoch}.${index}`)))
    return { places, digest: yield* loader.digest, stats: yield* loader.stats }
  })

test("a connection that breaks anywhere loses no batch and repeats none", async () => {
  await Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { noisy } })
    const expected = yield* whole(url)
    expect(expected.places.length).toBe(100)
    const port = Number(new URL(url).port)
    // In the head of the answer, within a frame's lead, its head and its body; and far on.
    const way = yield* breaking(port, [10, 2_000_000, 400, 900_000, 1500, 3_000_001, 170_000])
    const found = yield* whole(way.url)
    expect(found.places).toEqual(expected.places)
    expect(found.digest).toBe(expected.digest)
    expect(way.count()).toBeGreaterThan(5)
    expect(found.stats.reconnected).toBeGreaterThan(5)
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)

test("a take that is interrupted at any moment takes nothing, and loses nothing", async () => {
  await Effect.gen(function* () {
    const small = Pipeline.from(Dataset.range(300)).pipe(Pipeline.batch(4))
    const { url } = yield* Service.serve({ pipelines: { small } })
    const loader = yield* Service.connect(url, { epochs: 1, attempts: asked.attempts })
    const places: Array<number> = []
    const note = (taken: Option.Option<{ readonly index: number }>) =>
      Option.map(taken, ({ index }) => places.push(index))
    let interrupted = 0
    for (let turns = 0; turns < 12; turns++) {
      // Once it has come, those behind it are on their way, or here: several frames come in one piece.
      note(yield* loader.take)
      const exit = yield* Effect.promise(async () => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        const fiber = Effect.runFork(loader.take)
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        return Effect.runPromise(Fiber.interrupt(fiber))
      })
      if (Exit.isSuccess(exit)) note(exit.value)
      else interrupted++
    }
    expect(interrupted).toBeGreaterThan(0)
    yield* loader.forEach((batch) => Effect.sync(() => note(Option.some(batch))))
    expect(places).toEqual(Array.from({ length: 75 }, (_, at) => at))
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)

test("a service that was started again, with nothing of the old one, goes on with the run", async () => {
  await Effect.gen(function* () {
    const first = yield* Scope.make()
    const { url } = yield* Scope.extend(Service.serve({ pipelines: { noisy } }), first)
    const expected = yield* whole(url)
    const port = Number(new URL(url).port)
    const loader = yield* Service.connect(url, asked)
    const places: Array<string> = []
    yield* loader.forEach(({ epoch, index }) => {
      places.push(`${epoch}.${index}`)
      if (places.length !== 10) return Effect.void
      return Effect.zipRight(Scope.close(first, Exit.void), Service.serve({ pipelines: { noisy }, port }))
    })
    expect(places).toEqual(expected.places)
    expect(yield* loader.digest).toBe(expected.digest)
    expect((yield* loader.stats).reconnected).toBeGreaterThan(0)
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)

test("a run that nobody reads any more is closed, and what it read is closed with it", async () => {
  let open = 0
  const guarded = Pipeline.from(
    Dataset.effect({
      size: 1000,
      get: (index: number) =>
        Effect.acquireUseRelease(
          Effect.sync(() => open++),
          () => Effect.delay(Effect.succeed(index), "1 millis"),
          () => Effect.sync(() => open--)
        )
    })
  ).pipe(Pipeline.batch(4))
  await Effect.gen(function* () {
    const { runs, url } = yield* Service.serve({ pipelines: { guarded }, idle: 0 })
    const two = yield* Effect.scoped(
      Effect.flatMap(Service.connect(url, { epochs: 1 }), ({ stream }) => Stream.runCollect(Stream.take(stream, 2)))
    )
    expect(two.length).toBe(2)
    yield* Effect.repeat(Effect.delay(runs, "50 millis"), { until: ({ length }) => length === 0 })
    expect(open).toBe(0)
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)

test("a service that is silent, and one that is not there, are errors that say so", async () => {
  await Effect.gen(function* () {
    const mute = yield* breaking(1, [0])
    const attempts = Schedule.recurs(1)
    const error = yield* Effect.flip(Service.connect(mute.url, { epochs: 1, attempts, silence: "100 millis" }))
    expect(error).toMatchObject({ _tag: "ServiceError", kind: "unreachable" })
    const gone = yield* Effect.flip(Service.connect("http://127.0.0.1:1", { epochs: 1, attempts }))
    expect(gone).toMatchObject({ _tag: "ServiceError", kind: "unreachable" })
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)

test("an answer that begins and never ends is given up, and its connection is closed", async () => {
  await Effect.gen(function* () {
    let open = 0
    const server = createServer((socket) => {
      open++
      socket.on("close", () => open--)
      socket.on("error", () => undefined)
      socket.resume()
      socket.write("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 100\r\n\r\n{")
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    const port = yield* Effect.promise(
      () =>
        new Promise<number>((resolve) =>
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resolve(typeof address === "object" && address !== null ? address.port : 0)
          })
        )
    )
    const options = { epochs: 1, attempts: Schedule.recurs(1), silence: "100 millis" } as const
    const error = yield* Effect.flip(Service.connect(`http://127.0.0.1:${port}`, options))
    expect(error).toMatchObject({ _tag: "ServiceError", kind: "unreachable" })
    yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => open === 0 })
  }).pipe(Effect.timeout("10 seconds"), Effect.scoped, Effect.runPromise)
}, 30_000)

test("a password in the address of a service is in no message", async () => {
  const attempts = Schedule.recurs(0)
  const told = await Effect.runPromise(
    Effect.forEach(
      ["http://me:s3cret@127.0.0.1:1/", "http://me:s3cret%zz@127.0.0.1:1/", "ftp://me:s3cret@host/"],
      (url) => Effect.flip(Effect.scoped(Service.connect(url, { epochs: 1, attempts })))
    )
  )
  expect(told.map(({ _tag }) => _tag)).toEqual(["ServiceError", "InvalidOption", "InvalidOption"])
  for (const error of told) {
    expect(error.message).toContain(error._tag === "ServiceError" ? "http://127.0.0.1:1/" : "://")
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain("s3cret")
  }
})

test("a run that begins and never comes to a batch is given up, with the reason", async () => {
  await Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { noisy } })
    const cut = yield* breaking(Number(new URL(url).port), [4000])
    const options = { seed: 7, epochs: 1, attempts: Schedule.recurs(3) } as const
    const loader = yield* Service.connect(cut.url, options)
    expect(yield* Effect.flip(loader.take)).toMatchObject({ _tag: "ServiceError", kind: "unreachable" })
    expect(cut.count()).toBe(4)
    // It is no use to ask again for 2 minutes.
    const short = yield* Service.connect(url, { seed: 7, epochs: 1, longestBatch: 1000 })
    const error = yield* Effect.flip(short.take)
    expect(error).toMatchObject({ _tag: "ServiceError", kind: "run", tag: "FrameError" })
    expect(error.message).toContain("at most 1000 are taken")
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)

/** A way to a service on which whole frames are lost or come twice, one a connection. */
const misframing = (port: number, change: (frame: Buffer) => ReadonlyArray<Buffer>) =>
  listening((near, keep) => {
    const far = dial(port, "127.0.0.1")
    keep(far)
    near.on("data", (piece: Buffer) => far.write(piece.toString("latin1").replace("HTTP/1.1", "HTTP/1.0"), "latin1"))
    let rest = Buffer.alloc(0)
    let begun = false
    let frames = 0
    far.on("data", (piece: Buffer) => {
      rest = Buffer.concat([rest, piece])
      if (!begun) {
        const end = rest.indexOf("\r\n\r\n")
        if (end < 0) return
        // What an answer of HTTP/1.0 has is its body until the end of the connection.
        near.write("HTTP/1.0 200 OK\r\n\r\n")
        rest = rest.subarray(end + 4)
        begun = true
      }
      while (rest.length >= 24) {
        const length = 24 + rest.readUInt32LE(4) + rest.readUInt32LE(8)
        if (rest.length < length) break
        const frame = rest.subarray(0, length)
        rest = rest.subarray(length)
        frames++
        for (const own of frames === 20 ? change(frame) : [frame]) near.write(own)
      }
    })
    far.on("end", () => near.end())
    near.on("close", () => far.destroy())
  })

const PYTHON = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from furrow_client import Run
run = Run(sys.argv[2], seed=7, epochs=2, digest=True)
print(json.dumps([[f"{batch.epoch}.{batch.index}" for batch in run], run.digest]))
`
/** What the Python client says of a service of which a frame does not go on, or which sends something else. */
const PYTHON_ERRORS = `
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from furrow_client import Run, ServiceError
for url, patience in zip(sys.argv[2:], (0, 0, 5, 5, 5, 5, 0, 0, 0, 0)):
    try:
        next(Run(url, epochs=1, silence=0.3, patience=patience))
    except ServiceError as error:
        print(error.kind, error)
`
const hasPython = spawnSync("python3", ["-c", "import numpy"]).status === 0
const client = dirname(fileURLToPath(new URL("../../src/service/furrow_client.py", import.meta.url)))

/** What the Python client takes of a service. */
const pythonOn = (url: string) => python(PYTHON, url)

const python = (script: string, ...urls: ReadonlyArray<string>) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        // Nobody listens at the proxy: it is not to be asked.
        const proxied = {
          ...process.env,
          http_proxy: "http://127.0.0.1:9",
          https_proxy: "http://127.0.0.1:9",
          no_proxy: ""
        }
        const child = spawn("python3", ["-c", script, client, ...urls], { env: proxied })
        let said = ""
        for (const stream of [child.stdout, child.stderr]) {
          stream.on("data", (piece: Buffer) => {
            said += piece.toString()
          })
        }
        child.on("close", () => resolve(said))
      })
  )

test("a batch that is lost or comes twice on the way is asked for again", async () => {
  await Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { noisy } })
    const expected = yield* whole(url)
    for (const change of [() => [], (frame: Buffer) => [frame, frame]]) {
      const way = yield* misframing(Number(new URL(url).port), change)
      const found = yield* whole(way.url)
      expect(found.places).toEqual(expected.places)
      expect(found.digest).toBe(expected.digest)
      expect(found.stats.reconnected).toBeGreaterThan(3)
      if (hasPython) expect(JSON.parse(yield* pythonOn(way.url))).toEqual([expected.places, expected.digest])
    }
  }).pipe(Effect.scoped, Effect.runPromise)
}, 60_000)

const OK = Buffer.from("HTTP/1.0 200 OK\r\n\r\n")

/** A service that answers with these bytes, and then with one byte after another. */
const answering = (...bytes: ReadonlyArray<Uint8Array>) =>
  listening((socket) => {
    socket.once("data", () => {
      socket.write(Buffer.concat(bytes))
      const drops = setInterval(() => socket.write(" "), 30)
      socket.on("close", () => clearInterval(drops))
    })
  })

/** What begins a status, a header, the text of an error, and a piece, each of which goes on for long. */
const SLOW = [
  "",
  "HTTP/1.1 200 OK\r\nX-Long:",
  "HTTP/1.1 503 Sorry\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
]

/** A cursor of a run. */
const cursorOf = Effect.scoped(
  Effect.flatMap(
    Scheduler.open(Pipeline.from(Dataset.range(3)).pipe(Pipeline.batch(1)), { epochs: 1 }),
    (own) => own.cursor
  )
)

test("a frame that does not go on, whatever trickles in, is a connection that broke", async () => {
  await Effect.gen(function* () {
    const frame = encode({ kind: "error", tag: "None", message: "x".repeat(10_000) })
    const { url } = yield* answering(OK, frame.subarray(0, 5000))
    const options = { epochs: 1, silence: "300 millis", attempts: Schedule.stop } as const
    const error = yield* Effect.flip(Service.connect(url, options))
    expect(error).toMatchObject({ kind: "unreachable", reason: "it has made no progress within a frame for 300ms" })
    // A stream that begins with its end is no run that is over; what it says is looked at again as often as what is no frame.
    const end = encode({ kind: "end", cursor: yield* cursorOf })
    const { url: over } = yield* answering(OK, end)
    const spaced = { ...options, attempts: Schedule.spaced("5 millis") }
    const refused = yield* Effect.flip(Service.connect(over, spaced))
    expect(refused).toMatchObject({ kind: "run", tag: "FrameError" })
    expect(refused.message).toContain("a run does not begin with it")
    if (!hasPython) return
    const { url: garbage } = yield* answering(Buffer.from(`\u001b[31m${"\u0007".repeat(9000)}\r\n`))
    const begin = encode({ kind: "begin", cursor: yield* cursorOf, batches: 1 })
    const heads = [{ kind: "batch", cursor: yield* cursorOf, parts: [], batch: { columns: { $tensor: 3 } } }, []]
    const odd = yield* Effect.forEach(heads, (head) => answering(OK, begin, ...pieces(head as never, []))) // no frame's head
    // A digest that is none.
    odd.push(
      yield* answering(
        OK,
        encode({ kind: "begin", cursor: { ...(yield* cursorOf), digest: "z".repeat(64) }, batches: 1 })
      )
    )
    // Answers that do not come to their end.
    const slow = yield* Effect.forEach(SLOW, (head) => answering(Buffer.from(head)))
    const all = [url, garbage, over, ...odd.map((own) => own.url), ...slow.map((own) => own.url)]
    const said = (yield* python(PYTHON_ERRORS, ...all)).trimEnd().split("\n")
    expect(said.filter((line) => !/^[ -~]{1,500}$/.test(line))).toEqual([])
    const errors = said.filter((line) => /^(run|unreachable) /.test(line))
    expect(errors[0]).toContain("it has made no progress within a frame for 0.3 seconds")
    const kinds = ["unreachable", "unreachable", "run", "run", "run", "run", ...SLOW.map(() => "unreachable")]
    expect(errors.map((line) => line.split(" ")[0])).toEqual(kinds)
    for (const line of errors.slice(6)) expect(line).toContain("what it answers does not come to its end")
  }).pipe(Effect.scoped, Effect.runPromise)
}, 30_000)
