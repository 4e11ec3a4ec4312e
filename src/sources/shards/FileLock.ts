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
import { machine, processNumber, processStart } from "../../core/runtime.ts"

const BEAT_MS = 2000
/** Without a beat for so long, a holder that cannot be looked at is taken for gone. */
const STALE_MS = 15_000
const WAIT_MS = 100

interface Holder {
  readonly pid: number
  readonly started: string
  readonly machine: string
}

const isGone = (text: string): boolean => {
  try {
    const { machine: on, pid, started }: Partial<Holder> = JSON.parse(text)
    const here = machine()
    if (!here.known || on !== here.name || typeof pid !== "number" || pid < 1) return false
    const now = processStart(pid)
    return now === "gone" || (now !== "unknown" && started !== "unknown" && now !== started)
  } catch {
    return false
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
    const pid = processNumber()
    const own: Holder = { pid, started: processStart(pid), machine: machine().name }
    await files.writeFile(path, JSON.stringify(own), { flag: "wx" })
    return "ours"
  } catch (error) {
    return codeOf(error) === "EEXIST" ? "held" : "none"
  }
}

/** Removes the lock of a holder that is gone. Two may do so at once, and both hold it then. */
const clear = async (path: string, now: number): Promise<void> => {
  try {
    const text = await files.readFile(path, "utf8")
    const { mtimeMs } = await files.stat(path)
    if (isGone(text) || now - mtimeMs > STALE_MS) await files.rm(path, { force: true })
  } catch {
    // It is gone already.
  }
}

const beat = (path: string): Effect.Effect<void> =>
  Effect.promise(() => files.utimes(path, new Date(), new Date()).catch(() => undefined))

/** Runs `use` with the lock, which was taken unless there can be none. */
const holding = <A, E, R>(path: string, got: "ours" | "none", use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  got === "none"
    ? use
    : Effect.scoped(Effect.zipRight(Effect.forkScoped(Effect.repeat(beat(path), Schedule.spaced(BEAT_MS))), use))

const release = (path: string, got: "ours" | "none"): Effect.Effect<void> =>
  got === "none" ? Effect.void : Effect.promise(() => files.rm(path, { force: true }))

/** Takes the lock if nobody holds it who is there. */
const attempt = (path: string): Effect.Effect<"ours" | "held" | "none"> =>
  Effect.gen(function* () {
    const got = yield* Effect.promise(() => lock(path))
    if (got !== "held") return got
    const now = yield* Clock.currentTimeMillis
    yield* Effect.promise(() => clear(path, now))
    return got
  })

/**
 * Runs `build` in one process at a time of all that want the index at `path`; the others wait. Where no lock can be made,
 * such as in a folder that is read-only, each builds its own. If a builder dies two may take its place at once, which costs
 * time and nothing else.
 *
 * @since 0.1.0
 */
export const alone = <A, E, R>(path: string, build: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const own = `${path}.lock`
  const acquire = Effect.gen(function* () {
    for (;;) {
      const got = yield* attempt(own)
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
 * Runs `use` while this process holds the lock at `path`, or `held` if another one does. Where no lock can be made, `use` runs
 * without. If a holder dies two may take its place at once: `use` has to notice.
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
