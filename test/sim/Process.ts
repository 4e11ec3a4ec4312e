/**
 * One process of a run: a rank of a leg, and what must hold at its end.
 */
import { isDeepStrictEqual } from "node:util"
import { Cause, Effect, Exit, Layer, Option, Schedule } from "effect"
import { type Batch, Checkpoint, type Cursor, FailurePolicy, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { type Case, isStream, type Leg } from "./Case.ts"
import { Disk } from "./Disk.ts"
import { elsewhere } from "./Elsewhere.ts"
import { batchesOf, type Changed, digestOf, type Expected, oracle, type Place, unevenOf } from "./Oracle.ts"
import { Broken, type Columns, type Happening, pipelineOf } from "./Pipeline.ts"
import { cursorOf, isBehind, must, placeOf, type Rank, type Shelf, type Taken, Violation } from "./State.ts"
import { type Opened, partsOf } from "./Streams.ts"
import { Dice, run } from "./World.ts"

const DIRECTORY = "/run"

/** As long as a lock of nobody known can hold. */
const PATIENCE = Schedule.intersect(Schedule.spaced("30 seconds"), Schedule.recurs(20)).pipe(
  Schedule.whileInput((error: unknown) => error instanceof Checkpoint.CheckpointError && error.kind === "locked")
)

/** A batch as it came. */
const plain = (batch: Batch.Batch<Columns>): Expected => ({
  epoch: batch.epoch,
  index: batch.index,
  worker: batch.worker,
  indices: Array.from(batch.indices),
  // A rank that never has a row does not know its columns.
  traces: batch.size === 0 && Object.keys(batch.columns).length === 0 ? [] : Array.from(batch.columns.trace.data)
})

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
export class Process {
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
