/**
 * Checkpoints in a folder when things go wrong: what was kept stays, and what is said is to the point.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { spawn } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { FileSystem } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Cause, Effect, Either, Exit, Layer, Option } from "effect"
import { processStart, runtime } from "../../src/core/runtime.ts"
import { Checkpoint } from "../../src/index.ts"
import { cursorAt } from "../support/cursors.ts"
import { type Before, faulty, type Step, systemError } from "../support/faults.ts"

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "furrow-folder-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

type System = Layer.Layer<FileSystem.FileSystem>

const attempt = <A, E>(use: (checkpoint: Checkpoint.Service) => Effect.Effect<A, E>, system: System) =>
  Effect.runPromiseExit(
    Effect.flatMap(Checkpoint.Checkpoint, use).pipe(
      Effect.provide(Checkpoint.file({ directory, keep: 3 }).pipe(Layer.provide(system)))
    )
  )

const on = async <A, E>(
  use: (checkpoint: Checkpoint.Service) => Effect.Effect<A, E>,
  system: System = BunContext.layer
): Promise<A> => Exit.getOrElse(await attempt(use, system), (cause) => Promise.reject(Cause.squash(cause)))

/** The error that something is to fail with. */
const failing = async <A, E>(
  use: (checkpoint: Checkpoint.Service) => Effect.Effect<A, E>,
  system: System = BunContext.layer
): Promise<Checkpoint.CheckpointError> => {
  const exit = await attempt(use, system)
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  if (error instanceof Checkpoint.CheckpointError) return error
  throw new Error(`it ended as ${exit}`)
}

const part = (step: number): Checkpoint.Snapshot => ({
  cursor: cursorAt(step),
  state: { json: { step }, bytes: { weights: new Uint8Array(1000).fill(step) } }
})
const save = (...steps: ReadonlyArray<number>) =>
  on((checkpoint) => Effect.forEach(steps, (step) => checkpoint.save(part(step))))
const latest = async () => Option.getOrThrow(await on((checkpoint) => checkpoint.latest))

const file = (id: number): string => `checkpoint-${String(id).padStart(12, "0")}.furrow`
const files = (): ReadonlyArray<string> => readdirSync(directory).toSorted()
const contents = () => new Map(files().map((name) => [name, readFileSync(join(directory, name), "hex")]))

describe("the folder", () => {
  test("holds a file for each checkpoint, and nothing else once the layer is gone", async () => {
    await save(1, 2, 3, 4)
    expect(files()).toEqual([file(2), file(3), file(4)])
  })

  test("may hold other files, which are let be", async () => {
    for (const name of ["notes.txt", "checkpoint-1.furrow", "checkpoint-x.tmp"])
      writeFileSync(join(directory, name), "")
    await save(1, 2, 3, 4)
    expect(files()).toEqual([file(2), file(3), file(4), "checkpoint-1.furrow", "checkpoint-x.tmp", "notes.txt"])
  })

  test("is cleared of what a killed process was writing", async () => {
    await save(1)
    writeFileSync(join(directory, `${file(2)}.tmp`), readFileSync(join(directory, file(1))).subarray(0, 100))
    expect((await latest()).id).toBe(1)
    expect(files()).toEqual([file(1)])
  })

  test("that is a file is a typed error", async () => {
    rmSync(directory, { recursive: true })
    writeFileSync(directory, "")
    expect((await failing(({ list }) => list)).message).toContain("lock cannot be written: ")
  })
})

describe("a damaged checkpoint", () => {
  const damage: ReadonlyArray<readonly [Checkpoint.Kind, (bytes: Uint8Array) => Uint8Array]> = [
    ["empty", () => new Uint8Array(0)],
    ["truncated", (bytes) => bytes.subarray(0, bytes.length - 1)],
    ["damaged", (bytes) => bytes.map((byte, at) => (at === bytes.length - 40 ? byte ^ 1 : byte))],
    ["foreign", () => new TextEncoder().encode("[]")]
  ]

  test.each(damage)("that is %s is passed over, told of, left as it is, and never removed", async (kind, harm) => {
    await save(1, 2)
    const path = join(directory, file(2))
    writeFileSync(path, harm(new Uint8Array(readFileSync(path))))
    const before = contents().get(file(2))
    const found = await latest()
    expect(found.state.json).toEqual({ step: 1 })
    expect(found.skipped.map((error) => ({ kind: error.kind, path: error.path }))).toEqual([{ kind, path }])
    const list = await on((checkpoint) => checkpoint.list)
    expect(list.map(({ content, id }) => [id, Either.isRight(content)])).toEqual([
      [2, false],
      [1, true]
    ])
    // Its number is not given again, and it does not count as one of the last three.
    await save(3, 4, 5, 6)
    expect(files()).toEqual([file(2), file(4), file(5), file(6)])
    expect(contents().get(file(2))).toBe(before)
    expect((await latest()).skipped).toEqual([])
  })

  test("with no whole one beside it is an error and no fresh start", async () => {
    await save(1)
    writeFileSync(join(directory, file(1)), "")
    const error = await failing((checkpoint) => checkpoint.latest)
    expect(error.message).toBe(
      `${join(directory, file(1))} is empty; it was left as it is; ` +
        "go on from another checkpoint, or move it elsewhere to start afresh"
    )
  })

  test("an old one that went bad after it was kept is not removed when its turn comes", async () => {
    await on((checkpoint) =>
      Effect.gen(function* () {
        for (const step of [1, 2, 3]) yield* checkpoint.save(part(step))
        writeFileSync(join(directory, file(1)), "bad")
        yield* checkpoint.save(part(4))
      })
    )
    expect(files()).toEqual([file(1), file(2), file(3), file(4)])
  })

  test("a copy under a later name is the newest, and the next one is newer still", async () => {
    await save(1, 2)
    copyFileSync(join(directory, file(1)), join(directory, file(9)))
    expect((await latest()).state.json).toEqual({ step: 1 })
    await save(3)
    expect((await latest()).path).toBe(join(directory, file(10)))
  })
})

describe("a write that fails", () => {
  const failingAt =
    (step: Step, code: string): Before =>
    (at, path) =>
      at === step && path.includes("checkpoint-") && (step !== "open" || path.endsWith(".tmp"))
        ? Effect.fail(systemError(code))
        : Effect.void

  test.each([
    ["open", "EROFS", "denied", "cannot be written: it is not allowed; allow this process to write there"],
    ["open", "ENOSPC", "full", "cannot be written: no space is left; make room or name another place"],
    ["writeAll", "ENOSPC", "full", "cannot be written: no space is left"],
    ["writeAll", "EDQUOT", "full", "cannot be written: no space is left"],
    ["writeAll", "EIO", "io", "cannot be written: EIO: as if; try again or name another place"],
    ["sync", "EIO", "io", "cannot be written: EIO: as if"],
    ["sync", "ENOSPC", "full", "cannot be written: no space is left"],
    ["rename", "EPERM", "denied", "cannot be written: it is not allowed"]
  ] as const)("at its %s with %s is a typed error, and all is as it was", async (step, code, kind, says) => {
    await save(1, 2, 3)
    const before = contents()
    const error = await failing((checkpoint) => checkpoint.save(part(4)), faulty(failingAt(step, code)))
    expect(error.kind).toBe(kind)
    expect(error.message).toContain(`${join(directory, file(4))} ${says}`)
    expect(contents()).toEqual(before)
    await save(4)
    expect((await latest()).state.json).toEqual({ step: 4 })
  })

  test("a folder that cannot be synced may lose it in a power cut: only one that no system opens is left to that", async () => {
    const opening = (code: string) =>
      faulty((step, path) => (step === "open" && path === directory ? Effect.fail(systemError(code)) : Effect.void))
    for (const code of ["EMFILE", "ENOSPC", "EIO"]) {
      const { message } = await failing((checkpoint) => checkpoint.save(part(1)), opening(code))
      expect(message).toContain("cannot be written: ")
    }
    for (const code of ["EISDIR", "EPERM", "EACCES"]) await on((checkpoint) => checkpoint.save(part(2)), opening(code))
    expect((await latest()).state.json).toEqual({ step: 2 })
  })

  test("is over when the trouble is: the same layer goes on", async () => {
    let full = true
    const system = faulty((step, path) =>
      full && step === "writeAll" && path.includes("checkpoint-") ? Effect.fail(systemError("ENOSPC")) : Effect.void
    )
    await on(
      (checkpoint) =>
        Effect.gen(function* () {
          const failed = yield* Effect.either(checkpoint.save(part(1)))
          expect(Either.isLeft(failed)).toBe(true)
          full = false
          yield* checkpoint.save(part(2))
        }),
      system
    )
    expect((await latest()).state.json).toEqual({ step: 2 })
  })

  test("an old one that cannot be removed stays, and the save has not failed", async () => {
    await save(1, 2, 3)
    const system = faulty((step, path) =>
      step === "remove" && path.endsWith(".furrow") ? Effect.fail(systemError("EPERM")) : Effect.void
    )
    await on((checkpoint) => checkpoint.save(part(4)), system)
    expect(files()).toEqual([file(1), file(2), file(3), file(4)])
    await save(5)
    expect(files()).toEqual([file(3), file(4), file(5)])
  })

  test("the steps are those that survive a power cut: write, sync, rename, sync of the folder", async () => {
    const steps: Array<string> = []
    const system = faulty((step, path) =>
      Effect.sync(() => {
        if (!path.endsWith("lock"))
          steps.push(`${step} ${path === directory ? "folder" : path.slice(directory.length + 1)}`)
      })
    )
    await on((checkpoint) => checkpoint.save(part(1)), system)
    expect(steps).toEqual([
      `open ${file(1)}.tmp`,
      `writeAll ${file(1)}.tmp`,
      `sync ${file(1)}.tmp`,
      `rename ${file(1)}.tmp`,
      "open folder",
      "sync folder"
    ])
  })

  // Root may write anywhere.
  test.skipIf(process.getuid?.() === 0)("a folder that may only be read is a typed error", async () => {
    await save(1)
    chmodSync(directory, 0o555)
    const error = await failing((checkpoint) => checkpoint.latest)
    chmodSync(directory, 0o755)
    expect(error.kind).toBe("denied")
    expect((await latest()).id).toBe(1)
  })
})

describe("the lock", () => {
  const lock = () => join(directory, "lock")
  /** A process of its own that lives until it is killed. */
  const sleeper = () => {
    const code = "setInterval(() => {}, 1000); console.log('up')"
    const child = spawn(process.execPath, runtime.name === "deno" ? ["eval", code] : ["-e", code])
    return { child, up: new Promise((resolve) => child.stdout.once("data", resolve)) }
  }
  const holder = async (): Promise<Record<string, unknown>> =>
    on(() => Effect.sync(() => JSON.parse(readFileSync(lock(), "utf8")) as Record<string, unknown>)) // we wrote it

  test("refuses a second owner, of this program, too, and names the first", async () => {
    const own = await on(() => Effect.promise(() => failing(({ list }) => list)))
    expect(own).toMatchObject({ kind: "locked", message: expect.stringContaining("is open already in this program") })
    const { child, up } = sleeper()
    await up
    const other = JSON.stringify({
      ...(await holder()),
      token: "other",
      pid: child.pid,
      started: processStart(child.pid ?? 0)
    })
    writeFileSync(lock(), other)
    const error = await failing(({ list }) => list)
    child.kill("SIGKILL")
    rmSync(lock())
    expect(error.kind).toBe("locked")
    expect(error.message).toMatch(
      new RegExp(
        `${directory} is in use by process ${child.pid} on .+; wait for its end or name another folder; ranks of one run share .+$`
      )
    )
    // It is given back with the layer.
    expect(files()).toEqual([])
    await save(1)
  })

  test("of an earlier start of the program in this process does not hold: `--watch` starts it so", async () => {
    const own = await holder()
    writeFileSync(lock(), JSON.stringify({ ...own, token: "other", program: "other" }))
    await save(1)
    expect(files()).toEqual([file(1)])
  })

  test("keeps no process alive that does not close the folder", async () => {
    const program = fileURLToPath(new URL("../support/checkpoint/forgets.ts", import.meta.url))
    const args = runtime.name === "deno" ? ["run", "-A", "--no-check", program] : [program]
    const child = spawn(process.execPath, [...args, directory], { timeout: 15_000 })
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0)
    await save(1)
  }, 20_000)

  test("of all that ask at once, one gets it", async () => {
    const asked = Array.from({ length: 8 }, () => attempt(() => Effect.sleep("200 millis"), BunContext.layer))
    expect((await Promise.all(asked)).filter(Exit.isSuccess)).toHaveLength(1)
  })

  test("of a living process holds, with its number and start; that of a killed one does not", async () => {
    const { child, up } = sleeper()
    await up
    const pid = child.pid ?? 0
    const own = await holder()
    writeFileSync(lock(), JSON.stringify({ ...own, token: "other", pid, started: processStart(pid) }))
    expect((await failing(({ list }) => list)).message).toContain(`process ${pid} on `)
    child.kill("SIGKILL")
    await new Promise((resolve) => child.once("exit", resolve))
    await save(1)
    expect(files()).toEqual([file(1)])
  }, 20_000)

  test("of a process whose number was given to another one does not hold", async () => {
    const own = await holder()
    writeFileSync(lock(), JSON.stringify({ ...own, token: "other", started: "1" }))
    await save(1)
    expect(files()).toEqual([file(1)])
  })

  test("of another machine, or cut off, holds for a minute without a heartbeat", async () => {
    const own = await holder()
    for (const text of [JSON.stringify({ ...own, token: "other", machine: "elsewhere 1 2" }), '{"tok']) {
      writeFileSync(lock(), text)
      const error = await failing(({ list }) => list)
      expect(error.kind).toBe("locked")
      expect(error.message).toMatch(/if it is gone, its lock is given up in (60|59|58|57) s$/)
      const long = new Date(Date.now() - 61_000)
      utimesSync(lock(), long, long)
      await save(1)
    }
  })

  test("that another process took in the meantime is seen before anything is written", async () => {
    await on((checkpoint) =>
      Effect.gen(function* () {
        yield* checkpoint.save(part(1))
        const own = JSON.parse(readFileSync(lock(), "utf8")) as Record<string, unknown> // we wrote it
        writeFileSync(lock(), JSON.stringify({ ...own, token: "other", pid: 7 }))
        const taken = yield* Effect.flip(checkpoint.save(part(2)))
        expect(taken.message).toContain("was taken over by process 7")
        rmSync(lock())
        const removed = yield* Effect.flip(checkpoint.save(part(2)))
        expect(removed.message).toContain("its lock was removed; start again to go on from the newest checkpoint")
      })
    )
    expect(files()).toEqual([file(1)])
  })

  test("is left alone by one that no longer holds it", async () => {
    const text = '{"token":"other","pid":1,"started":"1","machine":"elsewhere"}'
    await on(() => Effect.sync(() => writeFileSync(lock(), text)))
    expect(readFileSync(lock(), "utf8")).toBe(text)
  })

  test("of a full disk is no half lock", async () => {
    const system = faulty((step, path) =>
      step === "writeAll" && path.endsWith("lock") ? Effect.fail(systemError("ENOSPC")) : Effect.void
    )
    expect((await failing(({ list }) => list, system)).kind).toBe("full")
    expect(files()).toEqual([])
  })
})
