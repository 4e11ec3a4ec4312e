/**
 * What every place that keeps checkpoints does with what is no checkpoint: it says so, by a typed error, and what was
 * kept before stays.
 */
import { describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type FileSystem, KeyValueStore } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Cause, Effect, Either, Exit, Layer, Option } from "effect"
import { machine, processStart, runtime } from "../../src/core/runtime.ts"
import { Checkpoint, Dataset, InvalidOption, Pipeline, Scheduler, Workers } from "../../src/index.ts"
import { cursorAt } from "../support/cursors.ts"
import { stringsOnly } from "../support/stores.ts"

type Place = Layer.Layer<Checkpoint.Checkpoint, unknown>

const folders: Array<string> = []
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), "furrow-hostile-"))
  folders.push(path)
  return path
}
process.once("exit", () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

const onStore = (store: KeyValueStore.KeyValueStore, keep: number): Place =>
  Checkpoint.keyValue({ keep }).pipe(Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)))

const places: Readonly<Record<string, (keep: number) => Place>> = {
  "a folder": (keep) => Checkpoint.file({ directory: folder(), keep }).pipe(Layer.provide(BunContext.layer)),
  memory: (keep) => Checkpoint.memory({ keep }),
  "a key-value store of strings": (keep) => onStore(stringsOnly(), keep),
  "a key-value store in files": (keep) =>
    Checkpoint.keyValue({ keep }).pipe(
      Layer.provide(KeyValueStore.layerFileSystem(folder()).pipe(Layer.provide(BunContext.layer)))
    )
}

const on = <A, E>(place: Place, use: (checkpoint: Checkpoint.Service) => Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(Effect.provide(Effect.flatMap(Checkpoint.Checkpoint, use), place))

const part = (step: number): Checkpoint.Snapshot => ({ cursor: cursorAt(step), state: { json: step } })

const transferred = (() => {
  const bytes = new Uint8Array(8).fill(7)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
})()

const shrunk = (() => {
  const buffer = new ArrayBuffer(16, { maxByteLength: 32 })
  const bytes = new Uint8Array(buffer, 8, 8)
  buffer.resize(4)
  return bytes
})()

class Own {
  readonly x = 1
}
const withExtra = Object.assign([1, 2], { extra: 3 })
const sparse = [1, 2, 3]
delete sparse[1]
const proto = JSON.parse('{"a":{"__proto__":1}}') as Checkpoint.Json
const circle: Record<string, unknown> = {}
circle["self"] = circle
const many: ReadonlyArray<unknown> = Array.from({ length: 40 }).reduce<ReadonlyArray<unknown>>((own) => [own, own], [])
const revoked = Proxy.revocable({}, {})
revoked.revoke()

/** What `save` is given, the kind of its refusal and what that says. */
const refused: ReadonlyArray<readonly [name: string, part: unknown, kind: string, says: string]> = [
  ["an Effect, for a forgotten yield*", Effect.succeed(part(1)), "cursor", "an Effect that was not run"],
  [
    "an Effect for the cursor",
    { cursor: Effect.succeed(cursorAt(1)) },
    "cursor",
    "it is an Effect that was not run; write `yield* loader.cursor`"
  ],
  ["null", null, "cursor", "save was given null"],
  ["undefined", undefined, "cursor", "save was given a undefined"],
  ["a string", "cursor", "cursor", "save was given a string"],
  ["nothing in it", {}, "cursor", "save was given no cursor"],
  ["the cursor alone", cursorAt(1), "cursor", "which would not be kept: only cursor and state are"],
  ["null for the cursor", { cursor: null }, "cursor", "what save was given as the cursor is none"],
  ["a cursor that was changed", { cursor: { ...cursorAt(1), batch: 0 } }, "cursor", "its checksum does not fit"],
  ["a cursor as JSON text", { cursor: JSON.stringify(cursorAt(1)) }, "cursor", "it is a string"],
  ["a Proxy", new Proxy({}, {}), "cursor", "save was given a Proxy"],
  [
    "a getter that throws",
    {
      get cursor() {
        throw new Error("own")
      }
    },
    "cursor",
    "reading what save was given threw"
  ],
  ["a misspelt name", { cursor: cursorAt(1), sate: {} }, "cursor", "save was given sate, which would not be kept"],
  ["null for the state", { cursor: cursorAt(1), state: null }, "state", "state is null"],
  [
    "an Effect for the state",
    { cursor: cursorAt(1), state: Effect.succeed({}) },
    "state",
    "state is an Effect that was not run"
  ],
  ["a Map for the state", { cursor: cursorAt(1), state: new Map() }, "state", "state is an object of Map"],
  [
    "a name that the state has not",
    { cursor: cursorAt(1), state: { weights: 1 } },
    "state",
    "state.weights would not be kept: only json and bytes are"
  ]
]

/** What JSON would lose or change, and where it stands. */
const lossy: ReadonlyArray<readonly [name: string, json: unknown, says: string]> = [
  ["-0", { a: [-0] }, "state.json.a.0 is -0"],
  ["NaN", { a: Number.NaN }, "state.json.a is NaN"],
  ["undefined", [undefined], "state.json.0 is undefined"],
  ["a bigint", { n: 1n }, "state.json.n is a bigint"],
  ["a symbol", { s: Symbol("own") }, "state.json.s is a symbol"],
  ["a symbol for a key", { a: { [Symbol("own")]: 1 } }, "state.json.a has a symbol for a key, Symbol(own)"],
  ["a symbol on an array", { a: Object.assign([1], { [Symbol("own")]: 1 }) }, "state.json.a has a symbol for a key"],
  ["a date", { at: new Date(0) }, "state.json.at is an object of Date"],
  ["a map", { m: new Map() }, "state.json.m is an object of Map"],
  ["an object of a class", { own: new Own() }, "state.json.own is an object of Own"],
  ["a boxed number", { own: Object(1) }, "state.json.own is an object of Number"],
  ["a hole", { list: sparse }, "state.json.list.1 is undefined"],
  [
    "more than items in an array",
    { list: withExtra },
    "state.json.list.extra is a property of an array besides its items"
  ],
  ["a subclass of Array", { list: new (class Many extends Array {})() }, "state.json.list is an object of Many"],
  ["__proto__", proto, "state.json.a.__proto__ is a key"],
  ["a toJSON", { own: { toJSON: () => 1 } }, "state.json.own.toJSON is a function"],
  [
    "an inherited toJSON",
    { own: Object.setPrototypeOf({}, { toJSON: () => 1 }) },
    "state.json.own is an object of Object"
  ],
  [
    "a getter",
    {
      get loss() {
        return 1
      }
    },
    "state.json.loss is a getter or setter"
  ],
  [
    "a getter in an array",
    { list: Object.defineProperty([1], 0, { get: () => 1 }) },
    "state.json.list.0 is a getter or setter"
  ],
  [
    "what cannot be enumerated",
    { own: Object.defineProperty({}, "x", { value: 1 }) },
    "state.json.own.x is not enumerable"
  ],
  ["a Proxy", { own: new Proxy({}, {}) }, "state.json.own is a Proxy"],
  ["a revoked Proxy", { own: revoked.proxy }, "state.json.own is a Proxy"],
  ["a Proxy of an array", [new Proxy([], {})], "state.json.0 is a Proxy"],
  ["a detached buffer", { own: transferred.buffer }, "state.json.own is an object of ArrayBuffer"],
  ["a circle", circle, "lies deeper than 512 levels"],
  ["one list many times over", many, "has more than 4194304 values"],
  ["a strange key", { 'a "b"\n': -0 }, 'state.json."a \\"b\\"\\n" is -0'],
  [
    "a class that hides its name",
    Object.create({
      get constructor() {
        throw new Error("own")
      }
    }),
    "state.json is an object of an unknown class"
  ]
]

const lossyBytes: ReadonlyArray<readonly [name: string, bytes: unknown, says: string]> = [
  ["null", null, "state.bytes is null"],
  ["a Map", new Map([["w", Uint8Array.of(1)]]), "state.bytes is an object of Map"],
  ["an array", [Uint8Array.of(1)], "state.bytes is an array"],
  ["another typed array", { w: new Float32Array(1) }, "state.bytes.w is no Uint8Array"],
  [
    "a getter",
    {
      get w() {
        return Uint8Array.of(1)
      }
    },
    "state.bytes.w is a getter or setter"
  ],
  ["a symbol for a key", { [Symbol("own")]: Uint8Array.of(1) }, "state.bytes has a symbol for a key"],
  ["a Proxy", { w: new Proxy(Uint8Array.of(1), {}) }, "state.bytes.w is a Proxy"],
  ["a detached array", { w: transferred }, "state.bytes.w lies in memory that is gone"],
  ["an array whose memory was made smaller", { w: shrunk }, "state.bytes.w lies in memory that is gone"]
]

const all = [
  ...refused,
  ...lossy.map(
    ([name, json, says]) => [`${name} in json`, { cursor: cursorAt(1), state: { json } }, "state", says] as const
  ),
  ...lossyBytes.map(
    ([name, bytes, says]) => [`${name} as bytes`, { cursor: cursorAt(1), state: { bytes } }, "state", says] as const
  )
]

for (const [name, place] of Object.entries(places)) {
  describe(`save to ${name}`, () => {
    test("refuses what is no checkpoint before anything is written, five times over, and keeps what is there", async () => {
      const { errors, list } = await on(place(2), ({ list, save }) =>
        Effect.gen(function* () {
          yield* save(part(1))
          yield* save(part(2))
          const errors: Array<readonly [string, unknown]> = []
          for (const [what, own] of all) {
            // To count so many takes a second.
            const large = what.startsWith("one list many times")
            if (large && name !== "memory") continue
            for (let time = 0; time < (large ? 1 : 5); time++) {
              // What a program without types can hand over.
              const exit = yield* Effect.exit(save(own as Checkpoint.Snapshot))
              errors.push([what, Exit.isFailure(exit) ? Cause.squash(exit.cause) : "it was saved"])
            }
          }
          return { errors, list: yield* list }
        })
      )
      const said = new Map(all.map(([what, , kind, says]) => [what, { kind, says }]))
      for (const [what, error] of errors) {
        if (!(error instanceof Checkpoint.CheckpointError)) throw new Error(`${what}: ${error}`)
        const { kind, says } = said.get(what) ?? { kind: "", says: "" }
        expect([what, error.kind]).toEqual([what, kind as Checkpoint.Kind])
        expect(error.message).toContain(says)
        expect(error.message.length).toBeLessThan(900)
      }
      expect(list.map(({ content, id }) => [id, Either.getOrThrow(content)])).toEqual([
        [2, cursorAt(2)],
        [1, cursorAt(1)]
      ])
    }, 60_000)

    test("keeps bytes of any kind of memory, and parts of it", async () => {
      const shared = new Uint8Array(new SharedArrayBuffer(4))
      shared.set([1, 2, 3, 4])
      const bytes = {
        shared,
        part: Uint8Array.of(9, 8, 7, 6).subarray(1, 3),
        none: new Uint8Array(0),
        end: Uint8Array.of(1, 2).subarray(2),
        buffer: Buffer.from([5, 6]),
        ["__proto__x"]: Uint8Array.of(3)
      }
      const saved = await on(place(1), ({ latest, save }) =>
        Effect.zipRight(save({ cursor: cursorAt(1), state: { bytes } }), latest)
      )
      const found = Option.getOrThrow(saved).state.bytes
      expect(Object.entries(found).map(([key, own]) => [key, Array.from(own)])).toEqual(
        Object.entries(bytes).map(([key, own]) => [key, Array.from(own)])
      )
      for (const own of Object.values(found)) expect(own.buffer).toBeInstanceOf(ArrayBuffer)
    })

    test("a cursor that was stored elsewhere and read again is as good, and what is kept is the cursor alone", async () => {
      const cursor = { ...(JSON.parse(JSON.stringify(cursorAt(3))) as object), extra: () => 1 }
      const saved = await on(place(1), ({ latest, save }) =>
        Effect.zipRight(save({ cursor: cursor as unknown as Checkpoint.Snapshot["cursor"] }), latest)
      )
      expect(Option.getOrThrow(saved).cursor).toEqual(cursorAt(3))
    })
  })
}

describe("a store that does not keep what it is given", () => {
  /** A store in memory, which does to each write what it is told to. */
  const lying = (write: (entries: Map<string, Uint8Array>, key: string, value: Uint8Array) => void) => {
    const entries = new Map<string, Uint8Array>()
    const store = KeyValueStore.make({
      get: (key) =>
        Effect.succeed(Option.map(Option.fromNullable(entries.get(key)), (b) => new TextDecoder().decode(b))),
      getUint8Array: (key) => Effect.succeed(Option.fromNullable(entries.get(key))),
      set: (key, value) =>
        Effect.sync(() => write(entries, key, typeof value === "string" ? new TextEncoder().encode(value) : value)),
      remove: (key) => Effect.sync(() => void entries.delete(key)),
      clear: Effect.sync(() => entries.clear()),
      size: Effect.sync(() => entries.size)
    })
    return { entries, store }
  }

  test.each([
    ["drops it", "missing", () => undefined],
    ["keeps the first half", "truncated", (value: Uint8Array) => value.slice(0, value.length >> 1)],
    ["flips a bit", "damaged", (value: Uint8Array) => value.map((byte, at) => (at === 100 ? byte ^ 1 : byte))],
    ["keeps zeros", "foreign", (value: Uint8Array) => new Uint8Array(value.length)],
    ["keeps nothing", "empty", () => new Uint8Array(0)]
  ] as const)("and %s: the save fails, and nothing valid goes for it", async (_, kind, change) => {
    let harm = false
    const { entries, store } = lying((own, key, value) => {
      const kept = harm && value.length > 0 ? change(value) : value
      if (kept !== undefined) own.set(key, kept)
    })
    await on(onStore(store, 2), ({ save }) => Effect.forEach([1, 2], (step) => save(part(step))))
    const before = new Map(entries)
    harm = true
    const errors = await on(onStore(store, 2), ({ save }) =>
      Effect.forEach([3, 4, 5], (step) => Effect.flip(save(part(step))))
    )
    expect(errors.map((error) => error.kind)).toEqual([kind, kind, kind])
    for (const [key, value] of before) expect(entries.get(key)).toEqual(value)
    const saved = Option.getOrThrow(await on(onStore(store, 2), ({ latest }) => latest))
    expect(saved.state.json).toBe(2)
  })

  test("or has an answer to every key is a typed error in bounded time", async () => {
    const { store } = lying(() => undefined)
    const endless = { ...store, getUint8Array: () => Effect.succeed(Option.some(Uint8Array.of(1))) }
    const error = await on(onStore(endless, 2), ({ save }) => Effect.flip(save(part(1))))
    expect(error).toMatchObject({ _tag: "CheckpointError", kind: "io" })
    expect(error.message).toContain("it answers what it was never given")
  })
})

const file = (id: number | string): string => `checkpoint-${String(id).padStart(12, "0")}.furrow`
const layer = (directory: string, keep = 3): Place =>
  Checkpoint.file({ directory, keep }).pipe(Layer.provide(BunContext.layer))
const save = (directory: string, ...steps: ReadonlyArray<number>) =>
  on(layer(directory), (checkpoint) => Effect.forEach(steps, (step) => checkpoint.save(part(step))))
const latest = async (directory: string) => Option.getOrThrow(await on(layer(directory), (own) => own.latest))
const names = (directory: string) => readdirSync(directory).toSorted()

describe("a folder", () => {
  test.each(["999999999999999", "9007199254740991", "99999999999999999999999", "1000000000001", "1000000000000"])(
    "with a file numbered %s goes on, whether that is a checkpoint or not",
    async (number) => {
      const bad = folder()
      await save(bad, 1, 2)
      writeFileSync(join(bad, file(number)), "no checkpoint")
      const found = await latest(bad)
      expect([found.state.json, found.skipped.map(({ kind }) => kind)]).toEqual([2, ["foreign"]])
      await save(bad, 3, 4, 5, 6)
      expect((await latest(bad)).state.json).toBe(6)
      expect(readFileSync(join(bad, file(number)), "utf8")).toBe("no checkpoint")

      const copied = folder()
      await save(copied, 1, 2)
      copyFileSync(join(copied, file(1)), join(copied, file(number)))
      await save(copied, 3, 4)
      expect((await latest(copied)).state.json).toBe(4)
      await save(copied, 5)
      const after = await latest(copied)
      expect(after.state.json).toBe(5)
    }
  )

  test("with folders, pipes and links in the place of checkpoints passes over them, and says so", async () => {
    const own = folder()
    await save(own, 1, 2)
    mkdirSync(join(own, file(3)))
    symlinkSync(join(own, "nowhere"), join(own, file(4)))
    symlinkSync(file(5), join(own, file(5)))
    const kinds = ["foreign", "foreign", "foreign"]
    // Not everywhere there is a way to make a pipe.
    if (spawnSync("mkfifo", [join(own, file(6))]).status === 0) kinds.push("foreign")
    const found = await latest(own)
    expect([found.state.json, found.skipped.map(({ kind }) => kind)]).toEqual([2, kinds])
    const list = await on(layer(own), (checkpoint) => checkpoint.list)
    expect(list).toHaveLength(2 + kinds.length)
    await save(own, 7)
    expect((await latest(own)).state.json).toBe(7)
    // A link to one that is whole is as good as it.
    symlinkSync(join(own, file(2)), join(own, file(9)))
    expect((await latest(own)).state.json).toBe(2)
    await save(own, 10)
    expect((await latest(own)).path).toBe(join(own, file(10)))
    expect(existsSync(join(own, file(3)))).toBe(true)
  })

  test("whose newest went bad keeps the old ones until enough new ones are whole", async () => {
    const own = folder()
    await on(layer(own, 2), (checkpoint) =>
      Effect.gen(function* () {
        for (const step of [1, 2]) yield* checkpoint.save(part(step))
        writeFileSync(join(own, file(2)), "bad")
        yield* checkpoint.save(part(3))
      })
    )
    expect(names(own)).toEqual([file(1), file(2), file(3)])
    await save(own, 4, 5, 6)
    expect(names(own)).toEqual([file(2), file(4), file(5), file(6)])
  })

  test("where a file already lies at the next number is not written over", async () => {
    const own = folder()
    await on(layer(own), (checkpoint) =>
      Effect.gen(function* () {
        yield* checkpoint.save(part(1))
        copyFileSync(join(own, file(1)), join(own, file(2)))
        const entry = yield* checkpoint.save(part(3))
        expect(entry.id).toBe(3)
      })
    )
    expect(names(own)).toEqual([file(1), file(2), file(3)])
  })

  test("of one rank of several with folders, links and absurd numbers in it goes on from the step that all have", async () => {
    const own = folder()
    const cursorsOf = (rank: number) =>
      Effect.gen(function* () {
        const pipeline = Pipeline.from(Dataset.range(40)).pipe(Pipeline.batch(4))
        const loader = yield* Scheduler.open(pipeline, { epochs: 1, rank, world: 2 })
        const all = []
        for (let step = 0; step < 3; step++) {
          yield* loader.take
          all.push(yield* loader.cursor)
        }
        return all
      }).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 1 })), Effect.runPromise)
    const ranked = (rank: number): Place =>
      Checkpoint.file({ directory: own, rank, world: 2, keep: 3 }).pipe(Layer.provide(BunContext.layer))
    const keepAll = async (rank: number, from: number, to: number) => {
      const cursors = (await cursorsOf(rank)).slice(from, to)
      await on(ranked(rank), (checkpoint) =>
        Effect.forEach(cursors, (cursor, at) => checkpoint.save({ cursor, state: { json: from + at + 1 } }))
      )
    }
    await keepAll(0, 0, 2)
    await keepAll(1, 0, 2)
    for (const rank of [0, 1]) {
      const at = join(own, `rank-${rank}-of-2`)
      mkdirSync(join(at, file(7)))
      symlinkSync(join(at, "nowhere"), join(at, file(8)))
      writeFileSync(join(at, file("999999999999999")), "no checkpoint")
    }
    for (const rank of [0, 1]) {
      const found = Option.getOrThrow(await on(ranked(rank), (checkpoint) => checkpoint.latest))
      expect([rank, found.state.json]).toEqual([rank, 2])
    }
    await keepAll(0, 2, 3)
    await keepAll(1, 2, 3)
    for (const rank of [0, 1]) {
      const found = Option.getOrThrow(await on(ranked(rank), (checkpoint) => checkpoint.latest))
      expect([rank, found.state.json]).toEqual([rank, 3])
      const error = await on(ranked(rank), (checkpoint) =>
        Effect.flip(checkpoint.save(Effect.succeed(1) as unknown as Checkpoint.Snapshot))
      )
      expect(error).toMatchObject({ _tag: "CheckpointError", kind: "cursor" })
    }
  })

  describe("its lock", () => {
    const lock = (own: string) => join(own, "lock")
    const taken = async (own: string) => {
      const exit = await Effect.runPromiseExit(Effect.provide(Checkpoint.Checkpoint, layer(own)))
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      if (error instanceof Checkpoint.CheckpointError) return error
      throw new Error(`it ended as ${exit}`)
    }
    const elsewhere = JSON.stringify({ token: "other", pid: 7, started: "1", machine: "elsewhere 1 2" })

    test.each([
      ["tomorrow", 86_400],
      ["in a thousand years", 1000 * 365 * 86_400]
    ])("of another machine with a time %s holds for a minute from now on, not for ever", async (_, seconds) => {
      const own = folder()
      writeFileSync(lock(own), elsewhere)
      const later = new Date(Date.now() + 1000 * seconds)
      utimesSync(lock(own), later, later)
      const error = await taken(own)
      expect(error.message).toMatch(/is in use by process 7 on elsewhere.+its lock is given up in 60 s$/)
      expect(statSync(lock(own)).mtimeMs).toBeLessThanOrEqual(Date.now())
      // A minute later.
      const long = new Date(Date.now() - 61_000)
      utimesSync(lock(own), long, long)
      await save(own, 1)
      expect(names(own)).toEqual([file(1)])
    })

    test("of a process that lives here holds whatever its time", async () => {
      const own = folder()
      const pid = process.ppid
      const text = JSON.stringify({ token: "other", pid, started: processStart(pid), machine: machine().name })
      for (const seconds of [-1e6, 1e6]) {
        writeFileSync(lock(own), text)
        const time = new Date(Date.now() + 1000 * seconds)
        utimesSync(lock(own), time, time)
        const error = await taken(own)
        expect(error.message).toContain(`is in use by process ${pid}`)
      }
    })

    test.each([
      ["empty", ""],
      ["no JSON", "\u0000\u0001garbage"],
      ["null", "null"],
      ["a list", "[]"],
      ["of a negative process", elsewhere.replace("7", "-1")],
      ["of process 0", elsewhere.replace("7", "0")],
      ["of half a process", elsewhere.replace("7", "1.5")],
      ["of process NaN", elsewhere.replace("7", "NaN")],
      ["of process null", elsewhere.replace("7", "null")],
      ["of too large a process", elsewhere.replace("7", "1e300")],
      ["of a megabyte", "x".repeat(2 ** 20)]
    ])("that is %s holds for a minute, and then no longer", async (_, text) => {
      const own = folder()
      writeFileSync(lock(own), text)
      expect(await taken(own)).toMatchObject({ kind: "locked" })
      const long = new Date(Date.now() - 61_000)
      utimesSync(lock(own), long, long)
      await save(own, 1)
      expect(names(own)).toEqual([file(1)])
    })

    test("that is a folder or a pipe is a typed error that names it, and is left alone", async () => {
      const own = folder()
      mkdirSync(lock(own))
      const error = await taken(own)
      expect(error.message).toBe(`${lock(own)} is no lock: it is a folder; remove it, or name another folder`)
      rmSync(lock(own), { recursive: true })
      if (spawnSync("mkfifo", [lock(own)]).status !== 0) return
      expect(await taken(own)).toMatchObject({ kind: "foreign", path: lock(own) })
    })

    test("that is a link to nothing is nobody's; one that is a link to a lock is that lock", async () => {
      const own = folder()
      symlinkSync(join(own, "nowhere"), lock(own))
      await save(own, 1)
      expect(names(own)).toEqual([file(1)])
      const aside = join(folder(), "other")
      writeFileSync(aside, elsewhere)
      symlinkSync(aside, lock(own))
      expect(await taken(own)).toMatchObject({ kind: "locked" })
      const long = new Date(Date.now() - 61_000)
      utimesSync(aside, long, long)
      await save(own, 2)
      expect(names(own)).toEqual([file(1), file(2)])
      expect(readFileSync(aside, "utf8")).toBe(elsewhere)
    })
  })

  // Needs the right to mount a file system, which root may have.
  const small = (() => {
    if (process.getuid?.() !== 0) return undefined
    const path = folder()
    return spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", path]).status === 0 ? path : undefined
  })()

  test.skipIf(small === undefined)(
    "on a full disk fails with `full`, keeps all that is there, and goes on once there is room",
    async () => {
      const own = small ?? ""
      try {
        const large = (step: number, bytes: number): Checkpoint.Snapshot => ({
          cursor: cursorAt(step),
          state: { json: step, bytes: { weights: new Uint8Array(bytes).fill(step) } }
        })
        await on(layer(own), ({ save }) => Effect.forEach([1, 2], (step) => save(large(step, 60_000))))
        const before = names(own)
        const error = await on(layer(own), ({ save }) => Effect.flip(save(large(3, 200_000))))
        expect(error).toMatchObject({ _tag: "CheckpointError", kind: "full" })
        expect(names(own)).toEqual(before)
        expect((await latest(own)).state.json).toBe(2)
        await on(layer(own), ({ save }) => save(large(4, 60_000)))
        expect((await latest(own)).state.json).toBe(4)
      } finally {
        spawnSync("umount", [own])
      }
    }
  )

  test.skipIf(small === undefined)("that may only be read is a typed error", async () => {
    const own = folder()
    await save(own, 1)
    if (spawnSync("mount", ["--bind", "-o", "ro", own, own]).status !== 0) return
    try {
      expect(
        await (async () => {
          const exit = await Effect.runPromiseExit(Effect.provide(Checkpoint.Checkpoint, layer(own)))
          return Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        })()
      ).toMatchObject({ _tag: "CheckpointError", kind: "denied" })
    } finally {
      spawnSync("umount", [own])
    }
    expect((await latest(own)).state.json).toBe(1)
  })
})

describe("a process that is killed between any two steps of a save", () => {
  test("leaves what was kept, and what it was at is cleared away", async () => {
    const own = folder()
    const program = (kill: number) => `
      import { FileSystem } from "@effect/platform"
      import { BunContext } from "@effect/platform-bun"
      import { Effect, Layer } from "effect"
      import { Checkpoint } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)}
      import { cursorAt } from ${JSON.stringify(new URL("../support/cursors.ts", import.meta.url).href)}
      import { faulty } from ${JSON.stringify(new URL("../support/faults.ts", import.meta.url).href)}
      let steps = 0
      const system = faulty((step, path) => Effect.sync(() => {
        if (!path.includes("checkpoint-") && path !== ${JSON.stringify(own)}) return
        if (steps++ === ${kill}) process.kill(process.pid, "SIGKILL")
      }))
      await Effect.runPromise(Effect.flatMap(Checkpoint.Checkpoint, ({ save }) =>
        Effect.forEach([1, 2, 3, 4], (step) => save({ cursor: cursorAt(step), state: { json: step } }))
      ).pipe(Effect.provide(Checkpoint.file({ directory: ${JSON.stringify(own)}, keep: 1 }).pipe(Layer.provide(system)))))
      console.log(steps)
    `
    // Inside the project, so that packages are found.
    const at = mkdtempSync(join(new URL("..", import.meta.url).pathname, ".generated-"))
    try {
      const file = join(at, "saves.ts")
      for (const kill of [0, 2, 3, 4, 6, 9, 13]) {
        for (const name of names(own)) if (name.endsWith(".furrow")) rmSync(join(own, name))
        writeFileSync(file, program(kill))
        const args = runtime.name === "deno" ? ["run", "-A", "--no-check", file] : [file]
        const { signal } = spawnSync(process.execPath, args)
        expect([kill, signal]).toEqual([kill, "SIGKILL"])
        const found = await on(layer(own), ({ latest, list }) => Effect.all({ latest, list }))
        const steps = found.list.map(({ content }) => content._tag)
        expect([kill, new Set(steps).has("Left")]).toEqual([kill, false])
        // Open, write, sync, rename, open and sync the folder: six steps a save, and the removal of one from the second on.
        const whole = kill < 4 ? 0 : 1 + Math.floor((kill - 4) / 7)
        expect([kill, Option.getOrUndefined(Option.map(found.latest, ({ state }) => state.json))]).toEqual([
          kill,
          whole === 0 ? undefined : whole
        ])
        expect(names(own).filter((name) => name.endsWith(".tmp"))).toEqual([])
      }
    } finally {
      rmSync(at, { recursive: true, force: true })
    }
  }, 60_000)
})

describe("options of the wrong type", () => {
  const given = (value: unknown) => value as never // what a program without types can hand over
  const system = Layer.merge(BunContext.layer, KeyValueStore.layerMemory)
  test.each([
    ["memory", () => Checkpoint.memory(given(null)), "the options of Checkpoint.memory must be an object with some of"],
    ["memory", () => Checkpoint.memory(given(3)), "the options of Checkpoint.memory must be an object with some of"],
    ["memory", () => Checkpoint.memory(given({ keep: null })), "keep must be left out of the options"],
    ["memory", () => Checkpoint.memory(given({ keep: "3" })), 'keep must be a whole number of at least 1, got "3"'],
    ["file", () => Checkpoint.file(given(null)), "the options of Checkpoint.file must be an object with some of"],
    ["file", () => Checkpoint.file(given(undefined)), "the options of Checkpoint.file must be an object with some of"],
    ["file", () => Checkpoint.file(given({})), "directory must be a name"],
    ["file", () => Checkpoint.file(given({ directory: null })), "directory must be left out of the options"],
    ["file", () => Checkpoint.file(given({ directory: 7 })), "directory must be a name"],
    [
      "keyValue",
      () => Checkpoint.keyValue(given(null)),
      "the options of Checkpoint.keyValue must be an object with some of"
    ],
    ["keyValue", () => Checkpoint.keyValue(given({ name: null })), "name must be left out of the options"],
    ["keyValue", () => Checkpoint.keyValue(given({ name: 7 })), "name must be a name"]
  ] as ReadonlyArray<
    readonly [
      string,
      () => Layer.Layer<Checkpoint.Checkpoint, unknown, FileSystem.FileSystem | KeyValueStore.KeyValueStore>,
      string
    ]
  >)("%s is a typed error: %#", async (_, make, says) => {
    const exit = await Effect.runPromiseExit(Effect.provide(Checkpoint.Checkpoint, make().pipe(Layer.provide(system))))
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    expect(error).toBeInstanceOf(InvalidOption.InvalidOption)
    expect(error instanceof Error ? error.message : "").toContain(says)
  })
})
