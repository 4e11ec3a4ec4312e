/**
 * A lock between processes: a file that says who holds it. A holder that is gone does not hold it: on the same machine that is
 * seen by its process, else by a heartbeat that has stopped.
 *
 * @since 0.1.0
 */
import { promises as files } from "node:fs"
import { dirname } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type Holder, isThere, thisHolder } from "../../core/Holder.ts"

const BEAT_MS = 2000
/** Without a beat for so long, a holder that cannot be looked at is taken for gone. */
const STALE_MS = 15_000
const WAIT_MS = 100
/** A lock whose holder was not written for so long was left so: its maker was killed, or its disk was full. */
const UNWRITTEN_MS = 1000

/** Who a lock says holds it; `undefined` if that is not written. */
const holderIn = (text: string): Partial<Holder> | undefined => {
  try {
    const holder: unknown = JSON.parse(text)
    return typeof holder === "object" && holder !== null ? holder : undefined
  } catch {
    return undefined
  }
}

/** The system's code of an error; empty if it has none. @since 0.1.0 */
export const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "")

/** Makes the lock: `"ours"`, `"held"` by another, or `"none"` where there can be none. */
const lock = async (path: string): Promise<"ours" | "held" | "none"> => {
  try {
    await files.mkdir(dirname(path), { recursive: true })
  } catch {
    return "none"
  }
  try {
    const file = await files.open(path, "wx")
    try {
      await file.writeFile(JSON.stringify(thisHolder()))
    } catch {
      // Such as on a full disk. The others must not wait for it.
      await files.rm(path, { force: true })
      return "none"
    } finally {
      await file.close()
    }
    return "ours"
  } catch (error) {
    return codeOf(error) === "EEXIST" ? "held" : "none"
  }
}

/** The last heartbeat seen of a lock, and when it was first seen by this machine's clock: other machines' clocks may be ahead. */
interface Beat {
  time: number
  since: number
}

/** Removes the lock of a holder that is gone. Two may do so at once, and both hold it then. Returns why it cannot be removed. */
const clear = async (path: string, now: number, beat: Beat): Promise<string | undefined> => {
  try {
    // Of a link itself: what it leads to may be gone.
    const stats = await files.lstat(path)
    if (!stats.isFile()) return "it is not a file"
    if (stats.mtimeMs !== beat.time) Object.assign(beat, { time: stats.mtimeMs, since: now })
    const age = Math.max(now - stats.mtimeMs, now - beat.since)
    if (age <= STALE_MS) {
      // One that cannot be read may be held until it goes without a beat.
      const text = await files.readFile(path, "utf8").catch(() => undefined)
      if (text === undefined) return undefined
      const holder = holderIn(text)
      if (holder === undefined ? age <= UNWRITTEN_MS : isThere(holder) !== false) return undefined
    }
    await files.rm(path, { force: true })
    return undefined
  } catch (error) {
    const code = codeOf(error)
    // It is gone already.
    return code === "ENOENT" ? undefined : code || String(error)
  }
}

const tellAlive = (path: string): Effect.Effect<void> =>
  Effect.promise(() => files.utimes(path, new Date(), new Date()).catch(() => undefined))

/** Runs `use` with the lock, which was taken unless there can be none. */
const holding = <A, E, R>(path: string, got: "ours" | "none", use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  got === "none"
    ? use
    : Effect.scoped(
        Effect.zipRight(
          Effect.forkScoped(Effect.interruptible(Effect.repeat(tellAlive(path), Schedule.spaced(BEAT_MS)))),
          use
        )
      )

/** Gives the lock back. What was done under it is done: that the lock cannot be removed is told, and fails nothing. */
const release = (path: string, got: "ours" | "none"): Effect.Effect<void> =>
  got === "none"
    ? Effect.void
    : Effect.catchAll(
        Effect.tryPromise(() => files.rm(path, { force: true })),
        ({ error }) =>
          Effect.logWarning(`the lock ${path} cannot be removed (${codeOf(error) || String(error)}); remove it`)
      )

/** Takes the lock if nobody holds it who is there. */
const attempt = (path: string, beat: Beat = { time: 0, since: 0 }): Effect.Effect<"ours" | "held" | "none"> =>
  Effect.gen(function* () {
    const got = yield* Effect.promise(() => lock(path))
    if (got !== "held") return got
    const now = yield* Clock.currentTimeMillis
    const stuck = yield* Effect.promise(() => clear(path, now, beat))
    if (stuck === undefined) return got
    yield* Effect.logWarning(`the lock ${path} cannot be removed (${stuck}), so this goes on without it; remove it`)
    return "none"
  })

/**
 * Runs `build` in one process at a time of all that want the index at `path`; the others wait. Where no lock can be made,
 * or that of a holder that is gone cannot be removed, such as in a folder that is read-only, each builds its own. If a builder
 * dies two may take its place at once, which costs time and nothing else.
 *
 * @since 0.1.0
 */
export const alone = <A, E, R>(path: string, build: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const own = `${path}.lock`
  const acquire = Effect.gen(function* () {
    const beat: Beat = { time: 0, since: 0 }
    for (;;) {
      const got = yield* attempt(own, beat)
      if (got !== "held") return got
      yield* Effect.interruptible(Effect.sleep(WAIT_MS))
    }
  })
  return Effect.acquireUseRelease(
    acquire,
    (got) => holding(own, got, build),
    (got) => release(own, got)
  )
}

/**
 * Runs `use` while this process holds the lock at `path`, or `held` if another one does. Where no lock can be made, or an
 * old one cannot be removed, `use` runs without. If a holder dies two may take its place at once: `use` has to notice.
 *
 * @since 0.1.0
 */
export const exclusive = <A, E, R, A2, E2, R2>(
  path: string,
  use: Effect.Effect<A, E, R>,
  held: Effect.Effect<A2, E2, R2>
): Effect.Effect<A | A2, E | E2, R | R2> =>
  Effect.acquireUseRelease(
    // A holder that is gone is seen at the first try, and its lock is free at the second.
    Effect.flatMap(attempt(path), (got) => (got === "held" ? attempt(path) : Effect.succeed(got))),
    (got): Effect.Effect<A | A2, E | E2, R | R2> => (got === "held" ? held : holding(path, got, use)),
    (got) => (got === "held" ? Effect.void : release(path, got))
  )
