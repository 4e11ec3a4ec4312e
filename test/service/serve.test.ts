/**
 * `pipelines/serve.ts` as a process, and its trainers: this process, and Python.
 */
import { expect, test } from "bun:test"
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { ConfigProvider, Effect, Exit, Scope } from "effect"
import { tokenIn } from "../../pipelines/cli/Token.ts"
import { Dataset, Pipeline, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { Service } from "../../src/service.ts"
import { start, TIME } from "../support/process.ts"
import { numbers } from "./numbers.ts"

const moduleOf = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
const module = moduleOf("numbers")
const asked = { seed: 42, epochs: 2, workers: 3, digest: true } as const

const local = (seed: number | string) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(numbers, { epochs: 2, digest: true, replay: true })
    yield* loader.forEach(() => Effect.void)
    return yield* loader.digest
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed })),
    Effect.provide(Workers.fibers({ workers: 3 }))
  )

/** Starts the program, and waits until it says where it serves. */
const serving = async (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}, name = "numbers") => {
  const own = start("serve.ts", [moduleOf(name), "--listen", "127.0.0.1:0", ...args], { env })
  for (;;) {
    const [, url] = new RegExp(`serving ${name} at (\\S+)`).exec(own.said()) ?? []
    if (url !== undefined) return { ...own, url }
    if (own.child.exitCode !== null) throw new Error(own.said())
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const python = spawnSync("python3", ["-c", "import numpy"], { encoding: "utf8" })
const hasPython = python.error === undefined && python.status === 0

test(
  "serve.ts serves what a local run delivers, on threads, too, and ends when it is told to",
  async () => {
    const digest = await Effect.runPromise(local(42))
    const own = await serving(["--threads", "2"])
    const run = Service.remote(own.url, asked)
    let samples = 0
    for await (const { size } of run) samples += size
    expect(samples).toBe(2000)
    expect(run.digest).toBe(digest)
    // Deno says of a child that it has itself signalled that the signal has ended it, whatever the child did.
    spawnSync("kill", ["-TERM", String(own.child.pid)])
    expect(await own.ended).toMatchObject({ code: 0 })
  },
  TIME
)

test(
  "serve.ts that is told to end does so once its slow trainer has all of its answer",
  async () => {
    const own = await serving([], {}, "large")
    const { host, hostname, port } = new URL(own.url)
    const socket = connect(Number(port), hostname)
    const closed = new Promise((resolve) => socket.once("close", resolve))
    let isSlow = true
    let read = 0
    let end = Buffer.alloc(0)
    socket.on("data", (piece: Buffer) => {
      read += piece.length
      end = Buffer.concat([end, piece.subarray(-16)]).subarray(-16)
      if (!isSlow) return
      socket.pause()
      // 5 MB a second.
      setTimeout(() => socket.resume(), piece.length / 5000)
    })
    socket.write(`GET /batches?pipeline=large&epochs=1&seed=1 HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    while (read === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    spawnSync("kill", ["-TERM", String(own.child.pid)])
    const { code } = await own.ended
    // What the system has of it is read at once.
    isSlow = false
    socket.resume()
    await closed
    expect(code).toBe(0)
    expect(read).toBeGreaterThan(256 * 2 ** 16)
    expect(end.toString("latin1").slice(-7)).toBe("\r\n0\r\n\r\n")
  },
  TIME
)

test(
  "serve.ts says which file of --tls-cert and --tls-key cannot be read",
  async () => {
    const missing = join(tmpdir(), "no-such-certificate.pem")
    const { code, stderr } = await start("serve.ts", [module, "--tls-cert", missing, "--tls-key", missing]).ended
    expect([code, stderr]).toEqual([2, expect.stringContaining(`--tls-cert ${JSON.stringify(missing)} cannot be read`)])
    const alone = await start("serve.ts", [module, "--tls-key", missing]).ended
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining("go together")])
  },
  TIME
)

test(
  "serve.ts names the variable of the token that an address needs which others can reach",
  async () => {
    const { code, stderr } = await start("serve.ts", [module, "--listen", "0.0.0.0:0"]).ended
    expect([code, stderr]).toEqual([2, expect.stringContaining("set FURROW_TOKEN to a token of 16 characters")])
  },
  TIME
)

test("a token that none could be is refused by the name of its variable, without the token", async () => {
  const read = (own: string) =>
    Effect.runPromise(
      Effect.either(
        Effect.withConfigProvider(tokenIn("OWN_TOKEN"), ConfigProvider.fromMap(new Map([["OWN_TOKEN", own]])))
      )
    )
  const message =
    "OWN_TOKEN must hold at least 16 visible ASCII characters, with spaces only between them, or be unset if there is no token"
  for (const own of ["", "short", "a token of some léngth"]) {
    expect(await read(own)).toMatchObject({ _tag: "Left", left: { _tag: "Usage", message } })
  }
  expect(await read("a token of some length")).toMatchObject({ _tag: "Right" })
})

const client = dirname(fileURLToPath(new URL("../../src/service/furrow_client.py", import.meta.url)))

/** A stream of which each of two ranks reads rows of its own: how many steps it has must be said. */
const dealt = Pipeline.from(
  Dataset.fromStream(({ rank }) => [0, 2, 4, 6, 8, 10].map((even) => ({ row: even + rank })), {
    name: "dealt",
    ranks: "source"
  })
).pipe(Pipeline.batch(4))

/** Texts and records of which a list is too long for a head. */
const long = Pipeline.from(Dataset.range(6)).pipe(
  Pipeline.map("text", (id: number) => ({
    text: `${id} \ud83d`.repeat(10_000),
    $own: { word: "№".repeat(30_000), id: -0 }
  })),
  Pipeline.batch(3)
)

const SCRIPT = `
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from furrow_client import Run, ServiceError
url, token, dealt = sys.argv[2:]
options = dict(seed=42, epochs=2, workers=3, digest=True, token=token)
for end in ("\\n", " ", "\u00fc"):
    try:
        Run(url, **{**options, "token": "sekret" + end})
        raise AssertionError("a token that cannot be sent is taken")
    except ValueError as error:
        assert "sekret" not in str(error)
run = Run(url, **options)
samples, kinds, stored = 0, None, None
for batch in run:
    samples += batch.size
    kinds = kinds or {name: str(getattr(own, "dtype", type(own).__name__)) for name, own in batch.items()}
    batch["row"][0, 0] = 1
    if batch.epoch == 1 and batch.index == 3:
        stored = json.loads(json.dumps(run.cursor))
for seed in (True, -1, 2**64, 1.0, {}, "\\ud800"):
    try:
        Run(url, **{**options, "seed": seed})
        raise AssertionError(f"{seed!r} is taken as a seed")
    except ValueError as error:
        assert str(error).startswith("seed must be"), error
named = Run(url, **{**options, "seed": "42", "rank": None})
for batch in named:
    pass
rest = Run(url, start=stored, **options)
left = sum(batch.size for batch in rest)
said, other = 0, {**options, "seed": 43, "digest": False}
for allow in (None, "seed", ["sead"], ["seed"]):
    try:
        allowed = sum(batch.size for batch in Run(url, start=stored, allow=allow, **other))
    except (ServiceError, ValueError) as error:
        assert ["CursorMismatch", None, "InvalidOption"][said] == getattr(error, "tag", None), error
        said += 1
assert (said, allowed) == (3, left)
try:
    next(Run(url, **{**options, "token": "another token than that"}))
    refused = None
except ServiceError as error:
    refused = error.kind
# Another rank goes on with a digest of its own, as that of a local run does.
half = dict(policy="elastic", seed=42, epochs=1, world=2, digest=True, token=token)
first = Run(url, rank=1, **half)
next(first)
first.close()
assert sum(1 for _ in Run(url, rank=0, start=first.cursor, **half)) > 0
ranked = [batch["row"].tolist() for batch in Run(dealt, pipeline="dealt", epochs=1, rank=1, world=2, steps=3)]
# The digest is compared with the service's at each batch.
for batch in Run(dealt, pipeline="long", epochs=1, digest=True):
    assert [len(text) for text in batch["text"]] == 3 * [30_000], batch["text"][0][:20]
    assert batch["$own"]["word"] == 3 * [30_000 * "\u2116"]
print(json.dumps({"ranked": ranked, "samples": samples, "digest": run.digest, "kinds": kinds, "left": left, "again": rest.digest, "named": named.digest, "refused": refused}))
`

test.skipIf(!hasPython)(
  "the Python client reads the same, with the same digest (needs python3 with NumPy)",
  async () => {
    const digest = await Effect.runPromise(local(42))
    const token = "a token for this test"
    const own = await serving([], { FURROW_TOKEN: token })
    const scope = Effect.runSync(Scope.make())
    const folder = mkdtempSync(join(tmpdir(), "furrow-python-"))
    try {
      const { url } = await Effect.runPromise(Scope.extend(Service.serve({ pipelines: { dealt, long } }), scope))
      const script = join(folder, "client.py")
      writeFileSync(script, SCRIPT)
      const ended = await new Promise<string>((resolve) => {
        const child = spawn("python3", [script, client, own.url, token, url])
        let said = ""
        for (const stream of [child.stdout, child.stderr]) {
          stream.on("data", (piece: Buffer) => {
            said += piece.toString()
          })
        }
        child.on("close", () => resolve(said))
      })
      expect(JSON.parse(ended)).toEqual({
        ranked: [
          [1, 3],
          [5, 7],
          [9, 11]
        ],
        samples: 2000,
        digest,
        kinds: { id: "int32", noise: "float64", name: "list", even: "uint8", row: "float32" },
        left: 2000 - 1000 - 4 * 32,
        again: digest,
        named: await Effect.runPromise(local("42")),
        refused: "refused"
      })
      expect(own.said()).not.toContain(token)
    } finally {
      rmSync(folder, { recursive: true })
      await Effect.runPromise(Scope.close(scope, Exit.void))
      own.child.kill("SIGTERM")
      await own.ended
    }
  },
  TIME
)
