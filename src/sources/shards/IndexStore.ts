/**
 * Where indexes are kept: a file that the user names, or one in the cache folder of the user. One process builds an index
 * while the others that want it wait for it.
 *
 * @since 0.1.0
 */
import { promises as files } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { encodeHex } from "effect/Encoding"
import * as Schedule from "effect/Schedule"
import { entropy, environment, machine, processNumber, processStart, sha256 } from "../../core/runtime.ts"
import * as IndexFile from "./IndexFile.ts"
import type { IndexedShard } from "./Snapshot.ts"

const BEAT_MS = 2000
/** Without a beat for so long, a builder that cannot be looked at is taken for gone. */
const STALE_MS = 15_000
const WAIT_MS = 100

/** The folder in which indexes are kept that have no place of their own. */
const cacheFolder = (): string => {
  const own = environment("FURROW_CACHE")
  if (own !== undefined && own !== "") return own
  const xdg = environment("XDG_CACHE_HOME")
  if (xdg !== undefined && xdg !== "") return join(xdg, "furrow")
  const home = environment("HOME") ?? environment("USERPROFILE")
  return home === undefined || home === "" ? join(tmpdir(), "furrow-cache") : join(home, ".cache", "furrow")
}

/** The file in the cache folder for the index of these locations. @since 0.1.0 */
export const cachedFile = (locations: ReadonlyArray<string>, format: string): string => {
  const key = encodeHex(sha256(JSON.stringify([process.cwd(), locations, format]))).slice(0, 32)
  return join(cacheFolder(), "indexes", `${key}.jsonl`)
}

/** The shards in a kept index; `undefined` if there is none that can be used. @since 0.1.0 */
export const read = (path: string, format: string): Effect.Effect<ReadonlyArray<IndexedShard> | undefined> =>
  Effect.promise(async () => {
    try {
      return IndexFile.decode(await files.readFile(path, "utf8"), format)
    } catch {
      return undefined
    }
  })

/** Whether there is a file at a path that is not an index of any format and version. @since 0.1.0 */
export const isOther = (path: string): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    try {
      return !IndexFile.isIndex(await files.readFile(path))
    } catch (error) {
      // No file is there, or none can be.
      return !["ENOENT", "ENOTDIR"].includes(codeOf(error))
    }
  })

/** Writes an index, which appears whole or not at all. `false` if it cannot be written there. @since 0.1.0 */
export const write = (path: string, format: string, shards: ReadonlyArray<IndexedShard>): Effect.Effect<boolean> =>
  Effect.promise(async () => {
    const temporary = `${path}.${entropy().toString(16)}.tmp`
    try {
      await files.mkdir(dirname(path), { recursive: true })
      await files.writeFile(temporary, IndexFile.encode(format, shards), { flag: "wx" })
      await files.rename(temporary, path)
      return true
    } catch {
      await files.rm(temporary, { force: true }).catch(() => undefined)
      return false
    }
  })

interface Builder {
  readonly pid: number
  readonly started: string
  readonly machine: string
}

const isGone = (text: string): boolean => {
  try {
    const { machine: on, pid, started }: Partial<Builder> = JSON.parse(text)
    const here = machine()
    if (!here.known || on !== here.name || typeof pid !== "number" || pid < 1) return false
    const now = processStart(pid)
    return now === "gone" || (now !== "unknown" && started !== "unknown" && now !== started)
  } catch {
    return false
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "")

/** Makes the lock: `"ours"`, `"held"` by another, or `"none"` where there can be none. */
const lock = async (path: string): Promise<"ours" | "held" | "none"> => {
  try {
    await files.mkdir(dirname(path), { recursive: true })
  } catch {
    return "none"
  }
  try {
    const pid = processNumber()
    const own: Builder = { pid, started: processStart(pid), machine: machine().name }
    await files.writeFile(path, JSON.stringify(own), { flag: "wx" })
    return "ours"
  } catch (error) {
    return codeOf(error) === "EEXIST" ? "held" : "none"
  }
}

/** Removes the lock of a builder that is gone. Two may do so at once, and both build: that costs time and nothing else. */
const clear = async (path: string, now: number): Promise<void> => {
  try {
    const text = await files.readFile(path, "utf8")
    const { mtimeMs } = await files.stat(path)
    if (isGone(text) || now - mtimeMs > STALE_MS) await files.rm(path, { force: true })
  } catch {
    // It is gone already.
  }
}

/**
 * Runs `build` in one process at a time of all that want the index at `path`; the others wait. Where no lock can be made,
 * such as in a folder that is read-only, each builds its own.
 *
 * @since 0.1.0
 */
export const alone = <A, E, R>(path: string, build: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const own = `${path}.lock`
  const acquire = Effect.gen(function* () {
    for (;;) {
      const got = yield* Effect.promise(() => lock(own))
      if (got !== "held") return got
      const now = yield* Clock.currentTimeMillis
      yield* Effect.promise(() => clear(own, now))
      yield* Effect.interruptible(Effect.sleep(WAIT_MS))
    }
  })
  const beat = Effect.promise(() => files.utimes(own, new Date(), new Date()).catch(() => undefined))
  return Effect.acquireUseRelease(
    acquire,
    (got) =>
      got === "none"
        ? build
        : Effect.scoped(Effect.zipRight(Effect.forkScoped(Effect.repeat(beat, Schedule.spaced(BEAT_MS))), build)),
    (got) => (got === "none" ? Effect.void : Effect.promise(() => files.rm(own, { force: true })))
  )
}
