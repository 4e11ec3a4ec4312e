/**
 * Plays a case: its legs one after the other, each with its ranks, and after each of them what must hold.
 *
 * A trainer takes batches, keeps a log of them, and now and then a checkpoint: log and cursor in one piece. Killed, it
 * loses what it has not kept; called off, left or failed, it keeps where it stands. The next leg goes on from there.
 */
import { isDeepStrictEqual } from "node:util"
import { Cause, Effect, Exit, Layer, Option, Schedule } from "effect"
import { type Batch, Checkpoint, Cursor, FailurePolicy, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { type Case, type Corruption, isStream, type Leg, lastLeg, worlds } from "./Case.ts"
import { Disk } from "./Disk.ts"
import { elsewhere } from "./Elsewhere.ts"
import { batchesOf, type Changed, countOf, digestOf, type Expected, oracle, type Place, unevenOf } from "./Oracle.ts"
import { Broken, type Columns, type Happening, pipelineOf } from "./Pipeline.ts"
import { type Opened, partsOf } from "./Streams.ts"
import { Dice, run } from "./World.ts"

/** A rank's disk, and what was kept there, by the number that is stored with it. */
interface Shelf {
  readonly disk: Disk
  readonly kept: Map<number, { readonly log: ReadonlyArray<Taken>; readonly cursor: string }>
  /** The last of these of which the trainer was told that it is there. */
  sure: number
}

const DIRECTORY = "/run"

/** As long as a lock of nobody known can hold. */
const PATIENCE = Schedule.intersect(Schedule.spaced("30 seconds"), Schedule.recurs(20)).pipe(
  Schedule.whileInput((error: unknown) => error instanceof Checkpoint.CheckpointError && error.kind === "locked")
)

/** What was promised and is not so. */
export class Violation extends Error {
  override readonly name = "Violation"
}

const must = (holds: boolean, say: () => string): void => {
  if (!holds) throw new Violation(say())
}

/** A batch that the trainer has taken. */
interface Taken {
  /** Its place in the row of all batches. */
  readonly place: number
  readonly got: Expected
  readonly rank: number
}

/** A rank of the run between two legs. */
interface Rank {
  /** Where its checkpoints lie. */
  readonly shelf?: Shelf
  /** What its chain of digests begins with: another run's, where it goes on as the rank that this one was. */
  readonly head: string
  readonly log: ReadonlyArray<Taken>
  /** The cursor as it is stored; none before the first leg. */
  readonly cursor: string | undefined
}

interface State {
  readonly workers: number
  readonly world: number
  readonly ranks: ReadonlyArray<Rank>
  /** What was taken while the world had another size. */
  readonly settled: ReadonlyArray<Taken>
  /** Where the digests begin. */
  readonly start: number
  /** Whether ranks ever changed: then cursors count what other ranks took, too. */
  readonly changed: boolean
}

/** What a case came to, for the figures. */
export interface Report {
  readonly batches: number
  readonly legs: number
  readonly events: number
  readonly ends: ReadonlyArray<string>
}

/** A batch as it came. */
const plain = (batch: Batch.Batch<Columns>): Expected => ({
  epoch: batch.epoch,
  index: batch.index,
  worker: batch.worker,
  indices: Array.from(batch.indices),
  // A rank that never has a row does not know its columns.
  traces: batch.size === 0 && Object.keys(batch.columns).length === 0 ? [] : Array.from(batch.columns.trace.data)
})

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const cursorOf = (text: string): Cursor.Cursor => Effect.runSync(Cursor.decode(parsed(text)))

const placeOf = (cursor: Cursor.Cursor, batches: number): number => cursor.epoch * batches + cursor.batch

/** Whether a place was taken when a cursor was read. */
const isBehind = (cursor: Cursor.Cursor, place: number, batches: number): boolean =>
  place < placeOf(cursor, batches) || cursor.ahead.some(([epoch, batch]) => epoch * batches + batch === place)

/** The stored text with something wrong about it. */
const corrupted = (text: string, corruption: Corruption): string => {
  switch (corruption.kind) {
    case "cut":
      return text.slice(0, corruption.at % text.length)
    case "flip": {
      const at = corruption.at % text.length
      const code = 32 + ((text.charCodeAt(at) - 32 + corruption.by) % 95)
      return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
    }
    case "number": {
      const numbers = Array.from(text.matchAll(/(?<=[:[,])\d+(?=[,\]}])/g))
      const found = numbers[corruption.at % numbers.length]
      if (found === undefined) return ""
      return text.slice(0, found.index) + (Number(found[0]) + corruption.by) + text.slice(found.index + found[0].length)
    }
    case "without": {
      const fields = Object.entries(JSON.parse(text) as object)
      return JSON.stringify(Object.fromEntries(fields.filter((_, at) => at !== corruption.at % fields.length)))
    }
    case "version":
      return text.replace(/"version":\d+/, `"version":${corruption.version}`)
  }
}

/** More tries than faults of a leg can make fail. */
const TRIES = Schedule.recurs(8)

const failuresOf = (own: Case) => {
  const { failures } = own
  if (failures === undefined) return FailurePolicy.fail
  if (failures.skip === undefined) return FailurePolicy.retry(TRIES)
  const { fill } = failures.skip
  // A share of a stream is not known.
  const budget = isStream(own) ? { samples: 1000 } : { share: 1 }
  const skip = FailurePolicy.skip({ budget, fill, report: () => Effect.void })
  return Layer.merge(skip, FailurePolicy.retry(TRIES))
}

/** Nothing lies on a disk that no process uses but whole checkpoints, and what is nobody's doing. */
const tidy = ({ names }: Disk, excused: ReadonlyArray<string> = []): void => {
  const others = names.filter((name) => !/^checkpoint-\d+\.furrow$/.test(name) && !excused.includes(name))
  must(others.length === 0, () => `files were left behind: ${others}`)
}

/** One process: a rank of a leg, from its start to its end. */
class Process {
  readonly #own: Case
  readonly #leg: Leg
  readonly #place: Place
  readonly #expected: ReadonlyArray<Expected | undefined>
  /** How many samples are to be left out of each. */
  readonly #left: ReadonlyArray<number>
  readonly #batches: number

  readonly #changed: Changed | undefined

  constructor(own: Case, leg: Leg, place: Place, from?: Cursor.Cursor) {
    this.#own = own
    this.#leg = leg
    this.#place = place
    this.#changed = changedAt(own, place, from)
    const { batches, left } = oracle(own, place, this.#changed)
    this.#expected = batches
    this.#left = left
    this.#batches = batchesOf(own)
  }

  #options(from: unknown): Scheduler.Options {
    const { order, prefetch } = this.#leg
    const { rank, world } = this.#place
    return {
      epochs: this.#own.epochs,
      replay: true,
      order,
      prefetch,
      rank,
      world,
      uneven: unevenOf(this.#own),
      digest: true,
      ...(from === undefined ? {} : { from })
    }
  }

  #layers() {
    const { backend, death } = this.#leg
    const { workers } = this.#place
    return Layer.mergeAll(
      Layer.orDie(SeedPolicy[this.#own.policy]({ seed: this.#own.seed })),
      backend === "fibers" ? Layer.orDie(Workers.fibers({ workers })) : elsewhere(workers, death),
      Layer.orDie(failuresOf(this.#own))
    )
  }

  /** Opens a run that is to be refused; gives the error's tag, or `opened`. */
  refusal(from: unknown, allow: ReadonlyArray<Cursor.Field> = []): string {
    const happening: Happening = {
      event: () => undefined,
      begun: new Set(),
      broken: [],
      stream: { opened: 0, closed: 0 }
    }
    const { exit } = run(1, -1, () =>
      Scheduler.open(pipelineOf(this.#own, [], happening), { ...this.#options(from), allow }).pipe(
        Effect.as("opened"),
        Effect.catchAll((error) => Effect.succeed(error._tag)),
        Effect.scoped,
        Effect.provide(this.#layers())
      )
    )
    if (Exit.isFailure(exit)) throw new Violation(`it died: ${Cause.pretty(exit.cause)}`)
    return exit.value
  }

  /** Runs from `before` on; gives how it stands afterwards, and how it ended. */
  run(
    before: Rank,
    digestsFrom: number,
    changed: boolean
  ): { readonly rank: Rank; readonly end: string; readonly events: number } {
    const { consumer, end, every, turns } = this.#leg
    const { rank } = this.#place
    const batches = this.#batches
    const total = batches * this.#own.epochs
    const from = before.cursor === undefined ? undefined : cursorOf(before.cursor)
    const log = [...before.log]
    let kept: Rank = before
    let last: string | undefined
    let loader: Scheduler.Loader<Columns, unknown> | undefined
    const begun = new Set<number>()
    const broken: Array<string> = []
    const stream: Opened = { opened: 0, closed: 0 }
    const { disk } = this.#leg
    const shelf = disk === undefined ? undefined : (before.shelf ?? this.#shelf(before))
    let trouble = 0
    let image: Shelf | undefined
    const found = shelf?.disk.names

    const { events, exit } = run(
      turns + rank,
      end === undefined || end.how === "leave" ? -1 : end.at + 7 * rank,
      ({ event }) =>
        Effect.gen(this, function* () {
          const happening: Happening = { event, begun, broken, stream }
          // The bound: each worker has at most `prefetch` batches begun and not taken.
          const inBounds = (cursor: Cursor.Cursor): void => {
            // Empty batches take no room; they may be held back until one with rows shows what columns they have.
            const open = Array.from(begun).filter(
              (place) => !isBehind(cursor, place, batches) && this.#expected[place]?.indices.length !== 0
            ).length
            const most = Math.min(this.#place.workers, batches) * this.#leg.prefetch
            must(open <= most, () => `${open} batches are begun and not taken, where ${most} may be`)
          }
          const own = yield* Scheduler.open(pipelineOf(this.#own, this.#leg.faults, happening), {
            ...this.#options(from),
            allow: ["workers", "ranks"]
          })
          loader = own
          const first = yield* own.cursor
          if (from !== undefined) {
            must(
              isDeepStrictEqual(
                { ...first, fingerprints: 0, checksum: 0, digest: 0, resized: 0 },
                { ...from, fingerprints: 0, checksum: 0, digest: 0, resized: 0 }
              ),
              () => "a run that goes on does not stand where it was left"
            )
            const changed = this.#changed
            const ordinal = (changed?.batch ?? 0) * this.#own.batchSize
            const counted = { batch: 0, position: 0, ordinal, numberedFrom: changed?.batch }
            must(
              isDeepStrictEqual(first.resized, changed === undefined ? undefined : counted),
              () => `the epoch is counted from ${JSON.stringify(first.resized)}, not ${JSON.stringify(counted)}`
            )
          }
          const keeping = yield* Checkpoint.Checkpoint
          const keep = (part: { readonly log: ReadonlyArray<Taken>; readonly cursor: string }) =>
            Effect.gen(function* () {
              kept = { ...before, ...part }
              if (shelf === undefined) return
              const number = shelf.kept.size + 1
              shelf.kept.set(number, part)
              const troubled = trouble
              const saved = yield* Effect.either(
                keeping.save({ cursor: cursorOf(part.cursor), state: { json: number } })
              )
              if (saved._tag === "Right") {
                const name = saved.right.path.slice(DIRECTORY.length + 1)
                must(shelf.disk.names.includes(name), () => `${name} is said to be kept and is not there`)
                shelf.sure = number
              } else must(trouble > troubled, () => `a checkpoint could not be kept: ${saved.left.message}`)
            })
          let taken = 0
          /** All of this in one go, as a trainer's step is. */
          const step = (batch: Batch.Batch<Columns>) =>
            Effect.gen(this, function* () {
              const got = plain(batch)
              const cursor = Effect.runSync(own.cursor)
              must(
                isDeepStrictEqual(Effect.runSync(own.cursor), cursor),
                () => "a cursor reads otherwise the second time"
              )
              const place = got.epoch * batches + got.index
              log.push({ place, got, rank })
              this.#check(got, place, before.log, cursor)
              last = JSON.stringify(cursor)
              taken++
              event()
              if (taken % this.#leg.every === 0) yield* keep({ log: [...log], cursor: last })
              inBounds(cursor)
              if (consumer > 0) yield* Effect.sleep(consumer)
              inBounds(Effect.runSync(own.cursor))
            })
          if (end?.how === "leave") {
            while (taken < end.at) {
              const next = yield* own.take
              if (Option.isNone(next)) break
              yield* step(next.value)
            }
          } else yield* own.forEach(step)
          return yield* own.digest
        }).pipe(
          Effect.scoped,
          Effect.provide(this.#layers()),
          Effect.provide(
            shelf === undefined
              ? Checkpoint.memory()
              : Checkpoint.file({ directory: DIRECTORY, keep: 2 }).pipe(
                  Layer.retry(PATIENCE),
                  Layer.provide(shelf.disk.layer(event, disk?.faults ?? [], () => trouble++))
                )
          )
        ),
      () => {
        if (end?.how !== "kill" || disk === undefined || shelf === undefined) return
        image = { ...shelf, disk: shelf.disk.after(disk.cut, new Dice(turns)) }
      }
    )

    must(stream.closed === stream.opened, () => `of ${stream.opened} shards ${stream.closed} were closed`)
    const shards = this.#own.dataset === "parts" ? partsOf(this.#own).rows.length : 1
    // The samples that fill the last batch of an epoch that goes on are read again.
    const again = this.#own.last === "pad" && (from?.batch ?? 0) > 0 ? 1 : 0
    const left = (this.#own.epochs + again - (from?.epoch ?? 0)) * shards
    must(stream.opened <= left, () => `shards were opened ${stream.opened} times, where ${left} are to be read`)
    if (Exit.isInterrupted(exit) && image !== undefined) {
      return { rank: this.#found(image, before), end: "killed", events }
    }
    // One that is called off before it has looked at the folder leaves there what another one left.
    if (shelf !== undefined && trouble === 0) tidy(shelf.disk, Exit.isInterrupted(exit) ? found : [])
    const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
    if (failure instanceof Checkpoint.CheckpointError) {
      must(trouble > 0, () => `checkpoints could not be kept: ${failure.message}`)
      return {
        rank: shelf === undefined ? before : { ...before, shelf: this.#rested(shelf) },
        end: failure._tag,
        events
      }
    }
    if (loader === undefined) {
      must(
        Exit.isInterrupted(exit),
        () => `the run could not be opened: ${Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""}`
      )
      return { rank: before, end: "before it began", events }
    }
    const cursor = Effect.runSync(loader.cursor)
    const digest = Effect.runSync(loader.digest)
    const text = JSON.stringify(cursor)
    must(
      text.length < (isStream(this.#own) ? 2048 : 1024) || cursor.ahead.length > 0,
      () => `the cursor takes ${text.length} characters`
    )
    this.#stands(cursor, log, digest, { from: digestsFrom, head: before.head }, changed)
    // What is taken in no batch (nothing was left of it) moves the cursor, too.
    if (last !== undefined) {
      const gone = cursorOf(last)
      must(
        gone.batches === cursor.batches,
        () => `a batch was taken and never seen: ${gone.batches} of ${cursor.batches}`
      )
    }
    this.#inOrder(log.slice(before.log.length))

    const stands: Rank = {
      ...before,
      log,
      cursor: text,
      ...(shelf === undefined ? {} : { shelf: this.#rested(shelf) })
    }
    if (Exit.isSuccess(exit)) {
      if (end?.how === "leave" && placeOf(cursor, batches) < total) return { rank: stands, end: "left", events }
      must(
        placeOf(cursor, batches) === total || batches === 0,
        () => `it ended at place ${placeOf(cursor, batches)} of ${total}`
      )
      must(exit.value === digest, () => "the digest changed after the end")
      return { rank: stands, end: "done", events }
    }
    if (Cause.isInterruptedOnly(exit.cause)) {
      return end?.how === "kill" ? { rank: kept, end: "killed", events } : { rank: stands, end: "called off", events }
    }
    const error = failure
    const violation = Option.getOrUndefined(Cause.dieOption(exit.cause))
    if (violation instanceof Violation) throw violation
    this.#failed(error, exit.cause, broken, every)
    return { rank: stands, end: error?._tag ?? "died", events }
  }

  /** A disk with nothing on it but where a rank begins. */
  #shelf({ cursor, log }: Rank): Shelf {
    const shelf: Shelf = { disk: new Disk(), kept: new Map(), sure: 0 }
    if (cursor === undefined) return shelf
    shelf.kept.set(1, { log, cursor })
    shelf.sure = 1
    const { exit } = this.#look(shelf.disk, undefined, ({ save }) =>
      save({ cursor: cursorOf(cursor), state: { json: 1 } })
    )
    must(Exit.isSuccess(exit), () => "a first checkpoint could not be kept")
    return shelf
  }

  /** A new process looks at the disk, and does nothing else. */
  #look<A>(
    disk: Disk,
    reading: number | undefined,
    look: (checkpoint: Checkpoint.Service) => Effect.Effect<A, Checkpoint.CheckpointError>
  ) {
    const faults = reading === undefined ? [] : [{ at: reading, code: "EIO" as const }]
    return run(1, -1, ({ event }) =>
      Effect.flatMap(Checkpoint.Checkpoint, look).pipe(
        Effect.provide(Checkpoint.file({ directory: DIRECTORY, keep: 2 })),
        // A lock that was cut off while it was written tells of nobody, and holds for a while.
        Effect.retry(PATIENCE),
        Effect.provide(disk.layer(event, faults, () => undefined))
      )
    )
  }

  /** What a process finds on a disk: what was kept there, of data and model alike, and nothing older than is sure. */
  #found(shelf: Shelf, before: Rank): Rank {
    const { reading } = this.#leg.disk ?? {}
    if (reading !== undefined) {
      const { exit } = this.#look(shelf.disk, reading, ({ latest }) => latest)
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      must(
        error === undefined || error instanceof Checkpoint.CheckpointError,
        () => `a disk that cannot be read is no typed error: ${error}`
      )
    }
    const rested = this.#rested(shelf)
    const { exit } = this.#look(rested.disk, undefined, ({ latest }) => latest)
    if (Exit.isFailure(exit)) throw new Violation(`what is on the disk is lost: ${Cause.pretty(exit.cause)}`)
    tidy(rested.disk)
    if (Option.isNone(exit.value)) {
      must(shelf.sure === 0, () => `checkpoint ${shelf.sure} was kept and is gone`)
      return { log: [], cursor: undefined, head: before.head, shelf: rested }
    }
    const { cursor, state } = exit.value.value
    const number = Number(state.json)
    const part = shelf.kept.get(number)
    must(number >= shelf.sure, () => `checkpoint ${shelf.sure} was kept, and ${number} is the newest`)
    if (part === undefined || part.cursor !== JSON.stringify(cursor)) {
      throw new Violation(`data and model disagree in checkpoint ${number}`)
    }
    return { ...part, head: before.head, shelf: { ...rested, sure: number } }
  }

  /** The shelf, after the process that wrote to it is gone. */
  #rested({ disk, kept, sure }: Shelf): Shelf {
    return { disk: disk.after("kill", new Dice(1)), kept, sure }
  }

  /** A batch is the oracle's, to the bit, and not one that was taken before. */
  #check(got: Expected, place: number, before: ReadonlyArray<Taken>, cursor: Cursor.Cursor): void {
    const expected = this.#expected[place]
    must(
      isDeepStrictEqual(got, expected),
      () => `batch ${place} came as ${JSON.stringify(got)}, the oracle's is ${JSON.stringify(expected)}`
    )
    must(!before.some((taken) => taken.place === place), () => `batch ${place} came twice`)
    must(isBehind(cursor, place, this.#batches), () => `the cursor does not count batch ${place}, which was taken`)
  }

  /** The cursor says what the log says, and the digest is that of the log. */
  #stands(
    cursor: Cursor.Cursor,
    log: ReadonlyArray<Taken>,
    digest: string,
    chain: { readonly from: number; readonly head: string },
    changed: boolean
  ): void {
    const places = new Set(log.map(({ place }) => place))
    this.#expected.forEach((expected, place) => {
      if (place < chain.from || expected === undefined) return
      const behind = isBehind(cursor, place, this.#batches)
      must(behind === places.has(place), () => `batch ${place} is ${behind ? "lost" : "taken and not counted"}`)
    })
    const chained = log
      .filter(({ place }) => place >= chain.from && place < placeOf(cursor, this.#batches))
      .toSorted((a, b) => a.place - b.place)
    const wanted = digestOf(
      chained.map(({ got }) => got),
      chain.head
    )
    must(digest === wanted, () => `the digest is ${digest}, that of what was taken ${wanted}`)
    must(cursor.digest === digest, () => "the cursor has another digest than the run")
    if (changed) return
    const left = this.#left.reduce((sum, some, place) => (isBehind(cursor, place, this.#batches) ? sum + some : sum), 0)
    must(cursor.skipped === left, () => `the cursor counts ${cursor.skipped} samples that were left out, of ${left}`)
    must(cursor.batches === log.length, () => `the cursor counts ${cursor.batches} batches of ${log.length}`)
    const samples = log.reduce((sum, { got }) => sum + got.indices.length, 0)
    must(cursor.samples === samples, () => `the cursor counts ${cursor.samples} samples of ${samples}`)
  }

  #inOrder(log: ReadonlyArray<Taken>): void {
    const { order } = this.#leg
    const { workers } = this.#place
    const last = new Map<number, number>()
    for (const { got, place } of log) {
      const lane = order === "plan" ? 0 : got.index % workers
      must((last.get(lane) ?? -1) < place, () => `batch ${place} came out of turn`)
      last.set(lane, place)
    }
  }

  /** An error is one that a fault explains, and tells where it was. */
  #failed(
    error: Scheduler.LoaderError<unknown> | undefined,
    cause: Cause.Cause<unknown>,
    broken: ReadonlyArray<string>,
    _: number
  ): void {
    if (error?._tag === "BackendError") {
      must(this.#leg.death !== undefined, () => `a thread died by itself: ${error.message}`)
      return
    }
    if (error?._tag !== "StageError") throw new Violation(`it failed: ${Cause.pretty(cause)}`)
    const expected = this.#expected[error.epoch * this.#batches + error.batch]
    const thrown =
      error.stage === "dataset" &&
      error.cause instanceof Error &&
      "cause" in error.cause &&
      error.cause.cause instanceof Broken
        ? error.cause.cause
        : error.cause
    must(thrown instanceof Broken, () => `it failed with what nobody broke: ${error.message}`)
    if (!(thrown instanceof Broken)) return
    must(broken.includes(`${thrown.stage} ${thrown.index}`), () => `${error.message}, which did not happen`)
    must(error.stage === thrown.stage, () => `it failed in ${thrown.stage} and says ${error.stage}`)
    if (error.sample !== undefined) {
      must(error.sample === thrown.index, () => `it failed at sample ${thrown.index} and says ${error.sample}`)
      if (expected !== undefined && error.position !== undefined) {
        must(
          Math.floor(error.position / this.#own.batchSize) === error.batch,
          () => `position ${error.position} is not of batch ${error.batch}`
        )
      }
    }
  }
}

/** Where workers or ranks changed in the epoch of a cursor, if they draw: here, or where the cursor says. */
const changedAt = (own: Case, { workers, world }: Place, from: Cursor.Cursor | undefined): Changed | undefined => {
  if (own.policy === "elastic" || from === undefined || from.batch === 0) return undefined
  const { batch, epoch, fingerprints, resized } = from
  const isSame = fingerprints.workers === String(workers) && fingerprints.ranks.endsWith(` of ${world}`)
  if (!isSame) return { epoch, batch }
  return resized?.numberedFrom === undefined ? undefined : { epoch, batch: resized.numberedFrom }
}

/** The world that a leg has, and its workers, as far as the run before allows. */
const conditions = (own: Case, leg: Leg, state: State): { readonly workers: number; readonly world: number } => {
  // What is left for the last batch is shared equally, too.
  const rest = own.last === "keep" ? countOf(own) % own.batchSize : 0
  const allowed = worlds(own.batchSize).filter((world) => rest % world === 0)
  const wanted = { workers: leg.workers, world: allowed[leg.world % allowed.length] ?? 1 }
  const begun = state.ranks.some(({ cursor }) => cursor !== undefined)
  if (!begun) return wanted
  const batches = batchesOf(own)
  const cursors = state.ranks.map(({ cursor }) => (cursor === undefined ? undefined : cursorOf(cursor)))
  const mayDraw = own.policy === "elastic" || leg.allow
  if (!mayDraw && (wanted.workers !== state.workers || wanted.world !== state.world)) {
    const from = cursors.find((cursor) => cursor !== undefined)
    // A leg that was killed at once has left a cursor of the legs before it.
    const { ranks, workers } = from?.fingerprints ?? {}
    const differs = workers !== String(wanted.workers) || ranks !== `0 of ${wanted.world}`
    const said = new Process(own, leg, { ...wanted, rank: 0 }).refusal(from)
    must(
      said === (differs ? "CursorMismatch" : "opened"),
      () => `workers or ranks that ${differs ? "" : "do not "}change draws: ${said}`
    )
    return state
  }
  // A rank that took batches out of turn goes on with the workers that it had, if they draw.
  const tied = cursors.findIndex(
    (cursor) =>
      cursor !== undefined && cursor.ahead.length > 0 && cursor.fingerprints.workers !== String(wanted.workers)
  )
  if (own.policy === "epochWorker" && tied >= 0) {
    const place = { workers: wanted.workers, world: state.world, rank: tied }
    const said = new Process(own, leg, place).refusal(cursors[tied], ["workers", "ranks"])
    must(said === "CursorError", () => `workers changed over a gap: ${said}`)
    // One that was killed goes on from a cursor of the legs before, which had other workers.
    return { workers: Number(cursors[tied]?.fingerprints.workers), world: state.world }
  }
  if (wanted.world === state.world) return wanted
  // A rank that took batches out of turn cannot tell other ranks where to go on.
  const gap = cursors.find((cursor) => cursor !== undefined && cursor.ahead.length > 0)
  if (gap !== undefined) {
    const said = new Process(own, { ...leg, allow: true }, { ...wanted, rank: 0 }).refusal(gap)
    must(
      said === "CursorError" || said === "CursorMismatch",
      () => `ranks changed over a gap at ${placeOf(gap, batches)}: ${said}`
    )
    return { workers: wanted.workers, world: state.world }
  }
  return wanted
}

/** The digest of nothing. */
const NOTHING = "0".repeat(64)

/** What the chain of a rank that goes on from a cursor begins with. */
const headOf = (text: string | undefined, rank: number, world: number): string => {
  const cursor = text === undefined ? undefined : cursorOf(text)
  return cursor?.fingerprints.ranks === `${rank} of ${world}` ? (cursor.digest ?? NOTHING) : NOTHING
}

/** The state as ranks of another world find it: all go on from the rank that is furthest behind. */
const regrouped = (own: Case, state: State, workers: number, world: number): State => {
  if (world === state.world) return { ...state, workers }
  const batches = batchesOf(own)
  const at = state.ranks.map(({ cursor }) => (cursor === undefined ? 0 : placeOf(cursorOf(cursor), batches)))
  const place = Math.min(...at)
  const cursor = state.ranks[at.indexOf(place)]?.cursor
  const log = state.ranks.flatMap((rank) => rank.log)
  return {
    workers,
    world,
    settled: [...state.settled, ...log.filter((taken) => taken.place < place)],
    ranks: Array.from({ length: world }, (_, rank) => ({ log: [], cursor, head: headOf(cursor, rank, world) })),
    start: place,
    changed: state.changed || cursor !== undefined
  }
}

/** Plays a case; throws a `Violation`, `Stuck` or `LeftBehind` when a promise is broken. */
export const simulate = (own: Case): Report => {
  let state: State = {
    workers: 1,
    world: 1,
    ranks: [{ log: [], cursor: undefined, head: NOTHING }],
    settled: [],
    start: 0,
    changed: false
  }
  const ends: Array<string> = []
  let events = 0
  const all: Array<Leg> = [...own.legs]
  for (let at = 0; at <= all.length; at++) {
    const leg = all[at] ?? lastLeg(all.at(-1))
    const { workers, world } = conditions(own, leg, state)
    state = regrouped(own, state, workers, world)
    const ranks: Array<Rank> = []
    for (const [rank, before] of state.ranks.entries()) {
      const place = { workers, world, rank }
      const process = new Process(own, leg, place, before.cursor === undefined ? undefined : cursorOf(before.cursor))
      if (leg.corruption !== undefined && before.cursor !== undefined) {
        const text = corrupted(before.cursor, leg.corruption)
        if (!isDeepStrictEqual(parsed(text), parsed(before.cursor))) {
          const said = process.refusal(parsed(text) ?? null)
          must(said === "CursorError", () => `a cursor that is none was taken (${said}): ${text}`)
        }
      }
      const ended = process.run(before, state.start, state.changed)
      ranks.push(ended.rank)
      ends.push(ended.end)
      events += ended.events
    }
    state = { ...state, ranks }
  }
  const log = [...state.settled, ...state.ranks.flatMap((rank) => rank.log)]
  whole(own, log)
  return { batches: log.length, legs: all.length + 1, events, ends }
}

/** All ranks and legs together delivered each sample of each epoch once, and what one rank alone would deliver. */
const whole = (own: Case, log: ReadonlyArray<Taken>): void => {
  // A neighbor is one of the same rank's part of a batch.
  if (own.failures?.skip?.fill === "neighbor") return
  const alone = oracle(own, { rank: 0, workers: 1, world: 1 })
  alone.batches.forEach((expected, place) => {
    const parts = log.filter((taken) => taken.place === place).toSorted((a, b) => a.rank - b.rank)
    const indices = parts.flatMap(({ got }) => got.indices)
    must(
      isDeepStrictEqual(indices, expected?.indices ?? []),
      () => `batch ${place} has samples ${indices} over all ranks, and should have ${expected?.indices}`
    )
    if (own.policy !== "elastic" || own.behind > 0) return
    const traces = parts.flatMap(({ got }) => got.traces)
    must(
      isDeepStrictEqual(traces, expected?.traces ?? []),
      () => `batch ${place} is another one over all ranks than on one`
    )
  })
  if (own.sampler === "withReplacement" || own.last !== "keep" || own.stages.some(({ kind }) => kind === "filter"))
    return
  if (own.failures?.skip !== undefined) return
  for (let epoch = 0; epoch < own.epochs; epoch++) {
    const indices = log.filter(({ got }) => got.epoch === epoch).flatMap(({ got }) => got.indices)
    const count = countOf(own)
    must(
      indices.length === count && new Set(indices).size === count,
      () => `epoch ${epoch} has ${new Set(indices).size} samples, ${indices.length} times in all, of ${count}`
    )
  }
}
