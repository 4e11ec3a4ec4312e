/**
 * Keeps a second process out of a folder. The lock is a file that says who holds it. A holder that is gone does not hold
 * it: on the same machine that is seen by its process at once, else by a heartbeat that has stopped.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { isThere, thisHolder } from "../core/Holder.ts"
import { after, entropy, machine, processNumber } from "../core/runtime.ts"
import { decode, optional, string, struct, wholeBetween } from "../core/SchemaValue.ts"
import { CheckpointError } from "./CheckpointError.ts"
import { described, isLink } from "./StoreFailure.ts"

const BEAT_MS = 5000
/** Without a beat for so long, a holder that cannot be looked at is taken for gone. */
const STALE_MS = 60_000

/** The number of a process; 0 and negative ones would stand for groups of processes. */
const ProcessNumber = wholeBetween(1, 2 ** 31 - 1)

const Holder = struct({
  token: string,
  pid: ProcessNumber,
  started: string,
  machine: string,
  program: optional(string)
})

/** The holder that a lock names; none if it was cut off while it was written. */
const holderOf = (text: string): Option.Option<Holder> => {
  try {
    return Either.getRight(decode(Holder, JSON.parse(text)))
  } catch {
    return Option.none()
  }
}

/** A lock is a line; a longer file is not a lock, and is not read. */
const MOST_BYTES = 4096
type Holder = typeof Holder.Type

export interface Lock {
  /** Fails with `CheckpointError` (`locked`) unless this lock still holds. */
  readonly held: Effect.Effect<void, CheckpointError>
}

/** Whether a holder is there; none where only its heartbeat can tell. */
const alive = (holder: Holder): Option.Option<boolean> => Option.fromNullable(isThere(holder))

/** Whether a holder is this program: another of its handles. */
const isThisProgram = (holder: Holder): boolean =>
  holder.pid === processNumber() && holder.machine === machine().name && isThere(holder) === true

/** Until the next heartbeat: a folder that nobody has closed keeps no process alive. */
const rest: Effect.Effect<void> = Effect.async((resume) => {
  const cancel = after(BEAT_MS, () => resume(Effect.void))
  return Effect.sync(cancel)
})

/** Takes the lock of a folder for as long as the scope is open. Fails with `CheckpointError`. */
export const take = (fs: FileSystem, directory: string): Effect.Effect<Lock, CheckpointError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = `${directory}/lock`
    const token = entropy().toString(16)
    const own: Holder = { token, ...thisHolder() }

    /** Makes the lock; `false` where there is one. */
    const make = Effect.gen(function* () {
      const text = new TextEncoder().encode(JSON.stringify(own))
      const opened = yield* Effect.either(fs.open(path, { flag: "wx" }))
      if (Either.isLeft(opened)) {
        const error = opened.left
        if (error._tag === "SystemError" && error.reason === "AlreadyExists") return false
        return yield* described(path, "cannot be written")(error)
      }
      // From here on it is ours, and half a lock is of no use to anybody.
      yield* opened.right.writeAll(text).pipe(
        Effect.tapError(() => Effect.ignore(fs.remove(path))),
        Effect.mapError(described(path, "cannot be written"))
      )
      return true
    }).pipe(Effect.scoped)

    /** Who holds the lock: none where it is gone, nobody known where it was cut off while it was written. */
    const holder = Effect.gen(function* () {
      const { size, type } = yield* fs.stat(path)
      if (type !== "File") {
        return yield* new CheckpointError({
          kind: "foreign",
          path,
          wrong: `is no lock: it is ${type === "Directory" ? "a folder" : type}`,
          remedy: "remove it, or name another folder"
        })
      }
      if (size > MOST_BYTES) return Option.some(Option.none<Holder>())
      return Option.some(holderOf(yield* Effect.orElseSucceed(fs.readFileString(path), () => "")))
    }).pipe(
      Effect.catchIf(
        (error) => error._tag === "SystemError" && error.reason === "NotFound",
        () => Effect.succeedNone
      ),
      Effect.mapError((error) => (error._tag === "CheckpointError" ? error : described(path, "cannot be read")(error)))
    )

    /** Milliseconds since the last heartbeat. */
    const silence = Effect.gen(function* () {
      const { mtime } = yield* fs.stat(path)
      const now = yield* Clock.currentTimeMillis
      if (Option.isNone(mtime)) return 0
      const at = mtime.value.getTime()
      if (at <= now) return now - at
      // A time to come (a clock was set back, or another machine's is ahead) would hold for as long as it takes to come.
      // From now on it counts as a heartbeat of now; a holder that lives goes on beating.
      yield* fs.utimes(path, new Date(now), new Date(now))
      return 0
    }).pipe(Effect.orElseSucceed(() => 0))

    const locked = (by: Option.Option<Holder>, silent: number) => {
      const who = Option.match(by, {
        onNone: () => "another process",
        onSome: ({ machine, pid }) => `process ${pid} on ${machine.split(" ")[0]}`
      })
      if (Option.exists(by, isThisProgram)) {
        return new CheckpointError({
          kind: "locked",
          path: directory,
          wrong: "is open already in this program",
          remedy: "use that one, or close it first"
        })
      }
      const left = Math.ceil((STALE_MS - silent) / 1000)
      const seen = Option.isSome(Option.flatMap(by, alive))
      return new CheckpointError({
        kind: "locked",
        path: directory,
        wrong: `is in use by ${who}`,
        remedy: `wait for its end or name another folder; ranks of one run share a folder by { directory, rank, world }${seen ? "" : `; if it is gone, its lock is given up in ${left} s`}`
      })
    }

    /** Clears away the lock of a holder that is gone, and only that one: another process may be at it, too. */
    const clear = (gone: Option.Option<Holder>) =>
      Effect.gen(function* () {
        const aside = `${path}-${token}.tmp`
        yield* fs.rename(path, aside)
        const taken = holderOf(yield* Effect.orElseSucceed(fs.readFileString(aside), () => ""))
        const same = Option.getOrUndefined(taken)?.token === Option.getOrUndefined(gone)?.token
        yield* same ? fs.remove(aside) : fs.rename(aside, path)
      }).pipe(
        // It was cleared by another: whoever makes the new one holds it.
        Effect.catchIf(
          (error) => error._tag === "SystemError" && error.reason === "NotFound",
          () => Effect.void
        ),
        Effect.mapError(described(path, "cannot be cleared away"))
      )

    const acquire: Effect.Effect<void, CheckpointError> = Effect.gen(function* () {
      for (let tries = 0; tries < 3; tries++) {
        if (yield* make) return
        const found = yield* holder
        if (Option.isNone(found)) {
          // A link that leads nowhere is in the way of a new lock, and nobody's.
          if (yield* isLink(fs, path)) yield* clear(Option.none())
          continue
        }
        const silent = yield* silence
        const lives = Option.getOrElse(Option.flatMap(found.value, alive), () => silent < STALE_MS)
        if (lives) return yield* locked(found.value, silent)
        yield* clear(found.value)
      }
      return yield* locked(Option.none(), 0)
    })

    const ours = Effect.map(holder, (found) => Option.getOrUndefined(Option.flatten(found))?.token === token)
    yield* Effect.acquireRelease(acquire, () =>
      Effect.ignore(Effect.flatMap(ours, (own) => (own ? fs.remove(path) : Effect.void)))
    )
    yield* Effect.gen(function* () {
      const now = new Date(yield* Clock.currentTimeMillis)
      if (yield* ours) yield* fs.utimes(path, now, now)
    }).pipe(Effect.ignore, Effect.zipRight(rest), Effect.forever, Effect.interruptible, Effect.forkScoped)

    return {
      held: Effect.gen(function* () {
        if (yield* ours) return
        const by = Option.flatten(yield* holder)
        return yield* new CheckpointError({
          kind: "locked",
          path: directory,
          wrong: Option.match(by, {
            onNone: () => "is no longer locked for this process: its lock was removed",
            onSome: ({ pid }) => `was taken over by process ${pid}, because this one gave no sign for long`
          }),
          remedy: "start again to go on from the newest checkpoint"
        })
      })
    }
  })
