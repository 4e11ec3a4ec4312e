/**
 * Builds one batch: reads its samples, takes them through the stages, collates them. One body, one order of calls: plain
 * code up to the first step that has to wait, then the Effect that goes on from there.
 *
 * An attempt calls each function once for each sample that it attempts. Where a failure policy may grant another one,
 * what fails is kept apart and the rest goes on, so that the next attempt is at the samples that failed, and at no other.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { concurrent } from "../Concurrent.ts"
import { DatasetError, IndexError, Plain } from "../datasets/RandomAccess.ts"
import * as Ambient from "../seeding/Ambient.ts"
import type { CoordinatesError } from "../seeding/Coordinates.ts"
import type * as Rng from "../seeding/Rng.ts"
import type { Batch } from "../stages/Batch.ts"
import type { StageContext } from "../stages/Stage.ts"
import { choose } from "./Choice.ts"
import { isFault, TimedOut } from "./FailurePolicy.ts"
import { idle } from "./Idle.ts"
import type { Job } from "./Job.ts"
import * as Plan from "./Plan.ts"
import { nameOf } from "./Profile.ts"
import type { Rows } from "./Request.ts"
import { SeedBinding, type SeededStage } from "./SeedBinding.ts"
import { DatasetChanged, errorAt, type StageError } from "./StageError.ts"
import { batchOf, kept, settledValue, untouched } from "./StageResult.ts"
import type { BatchStage, EffectStage, PlainStage, Step } from "./Steps.ts"
import type { Streams } from "./Streams.ts"
import { Table, type TablePlan } from "./Table.ts"
import { type Left, type Limits, SamplesFailed } from "./Tries.ts"
import { traced, watched } from "./Watched.ts"
import { andThen, Failing, type Given, given, suspended, type Work } from "./Work.ts"

/** Why an attempt came to nothing. @since 0.1.0 */
export type AttemptError = StageError | CoordinatesError | DatasetChanged | SamplesFailed

/** What a worker's batches are made by. @since 0.1.0 */
export interface Program {
  readonly job: Job
  readonly worker: number
  readonly limits: Limits
  readonly streams: Streams | undefined
  /** The stages before `batch`, one by one. */
  readonly stages: ReadonlyArray<PlainStage | EffectStage>
  /** The same as they run over a batch. */
  readonly before: ReadonlyArray<Step>
  /** The same over whole columns, where that can be. */
  readonly table: TablePlan | undefined
  readonly batching: BatchStage
  readonly behind: ReadonlyArray<Step>
}

/** Rows of an epoch: `count` from `position` on, which belong to a batch. @since 0.1.0 */
export interface Place {
  readonly epoch: number
  readonly batch: number
  readonly position: number
  readonly count: number
}

interface Context extends StageContext {
  ordinal: number
  position: number
  index: number
}

const NOBODY: Left = new Set()

/** @since 0.1.0 */
export class BatchBuilder implements Ambient.AtWork {
  readonly setting: Ambient.Setting
  readonly #program: Program
  readonly #place: Place
  readonly #job: Job
  readonly #binding: SeedBinding
  readonly #context: Context
  readonly #ordinal: number
  /** The dataset index of each row. */
  readonly #indices: Float64Array
  readonly #allRows: Rows
  /** Whether another attempt may follow one that fails. */
  readonly #careful: boolean
  #attempts = 0
  #retried = 0
  #chosen = false

  /** The samples as they are now; behind `batch` the one batch. */
  #values: Array<unknown> = []
  /**
   * For each value the row it came from, since filters leave values out while seeds and errors go by rows. `undefined`
   * while none is left out: then a value's place is its row.
   */
  #rows: Array<number> | undefined
  /** The samples that earlier attempts, or others of this one, have made; `undefined` while none has failed. */
  #made: Map<number, unknown> | undefined
  readonly #failed = new Map<number, StageError>()
  #adoptable: ArrayBufferLike | undefined
  #scope: "sample" | "batch" = "sample"

  /** The step that was begun last. */
  #entered = "sample"
  // The place at work.
  #at: SeededStage | undefined
  #row = 0
  #rng: Rng.Rng | undefined
  #derived: { readonly at: SeededStage; readonly row: number; readonly rng: Rng.Rng } | undefined

  constructor(program: Program, place: Place) {
    const { job, limits, streams, worker } = program
    const { batch, count, epoch, position } = place
    streams?.enter(epoch)
    const { rank, workers, world } = job.plan
    this.setting = job.pipeline.ambient
    this.#program = program
    this.#place = place
    this.#job = job
    this.#careful = limits.careful
    this.#ordinal = Plan.ordinalAt(job.plan, batch, position)
    this.#indices = new Float64Array(count)
    this.#allRows = { epoch, worker, batch, position, indices: this.#indices }
    this.#binding = new SeedBinding(job, this.#allRows, streams)
    this.#context = { epoch, rank, world, worker, workers, batch, ordinal: this.#ordinal, position, index: 0 }
  }

  /** How many samples were attempted again. */
  get retried(): number {
    return this.#retried
  }

  /**
   * One attempt at the batch, without the rows in `left`: the batch, or `undefined` if nothing of it is left. It fails
   * with `SamplesFailed` where samples failed on their own and the failure policy may grant them another attempt.
   */
  build(left: Left = NOBODY): Given<Batch<unknown> | undefined, AttemptError> {
    return given(
      () =>
        andThen(this.#attempt(left), () =>
          andThen(this.#assembled(left), () =>
            andThen(this.#values.length === 0 ? undefined : this.#collate(), () =>
              andThen(this.#run(this.#program.behind), () => this.#report())
            )
          )
        ),
      // Behind `batch` there is one value, which is a batch.
      () => this.#values[0] as Batch<unknown> | undefined
    )
  }

  /** The value of the last row as it would enter the batch; none if a filter leaves it out. */
  sample(): Given<Option.Option<unknown>, AttemptError> {
    return given(
      () => andThen(this.#attempt(NOBODY, false), () => andThen(this.#assembled(NOBODY), () => this.#report())),
      () => {
        const place = this.#values.length - 1
        return place >= 0 && this.#rowOf(place) === this.#indices.length - 1
          ? Option.some(this.#values[place])
          : Option.none()
      }
    )
  }

  /** Fails if the rest of an attempt takes longer, with the stage that was at it. */
  inTime<A, E, R>(rest: Effect.Effect<A, E, R>, limit: Duration.Duration): Effect.Effect<A, E | StageError, R> {
    return Effect.timeoutFail(rest, {
      duration: limit,
      onTimeout: () => {
        this.#restart()
        this.#scope = "batch"
        return this.#error(this.#entered, undefined, new TimedOut({ what: "batch", after: Duration.toMillis(limit) }))
      }
    })
  }

  /** Makes the samples: all of them, or in a later attempt those that failed. */
  #attempt(left: Left, whole = true): Work<AttemptError> {
    const { name, size } = this.#job.pipeline.dataset
    if (size !== this.#job.size) {
      const { batch, epoch } = this.#place
      throw new Failing(new DatasetChanged({ dataset: name, from: this.#job.size, to: size, epoch, batch }))
    }
    const again = this.#attempts++ > 0
    const rows = this.#rowsToMake(left)
    if (again) this.#retried += rows?.length ?? this.#indices.length
    return andThen(this.#choose(), () => {
      const { table } = this.#program
      return table !== undefined && whole && rows === undefined && this.#fits(table)
        ? this.#tabulate(table)
        : this.#samples(rows)
    })
  }

  /** The rows of an attempt; `undefined` means all. */
  #rowsToMake(left: Left): Array<number> | undefined {
    if (this.#failed.size > 0) {
      this.#binding.forget(new Set(this.#failed.keys()))
      const failed = Array.from(this.#failed.keys()).filter((row) => !left.has(row))
      this.#failed.clear()
      return failed.toSorted((a, b) => a - b)
    }
    // The fault was the whole batch's, or this is the first attempt.
    this.#restart()
    if (left.size === 0) return undefined
    this.#made = new Map()
    return Array.from(this.#indices.keys()).filter((row) => !left.has(row))
  }

  #restart(): void {
    this.#binding.forget()
    this.#failed.clear()
    this.#made = undefined
    this.#rows = undefined
    this.#values = []
    this.#adoptable = undefined
    this.#scope = "sample"
  }

  #choose(): Work<AttemptError> {
    if (this.#chosen) return undefined
    this.#entered = "sample"
    return andThen(choose(this.#job, this.#allRows), () => {
      this.#chosen = true
      return undefined
    })
  }

  // —— Whole columns ——

  /** Where an attempt may follow, a function of the user's is called sample by sample. */
  #fits({ steps }: TablePlan): boolean {
    return !(this.#careful && steps.some(({ fused }) => fused.custom))
  }

  #tabulate(plan: TablePlan): Work<AttemptError> {
    const { stages } = this.#program
    const columns = (): Work<AttemptError> =>
      andThen(this.#binding.bind(stages, "sample"), () => {
        if (!this.#careful) {
          this.#columns(plan)
          return undefined
        }
        const mark = this.#binding.mark
        try {
          this.#columns(plan)
          return undefined
        } catch (thrown) {
          if (!Failing.is(thrown)) throw thrown
          // None of the user's functions has been called: which samples fail shows where each is made on its own.
          this.#binding.rewind(mark)
          this.#restart()
          return this.#samples(undefined)
        }
      })
    return traced(this.#job.watch, tableName(plan), columns)
  }

  #columns(plan: TablePlan): void {
    const { enter, times } = this.#job.watch
    const since = (name: string, started: number): number => {
      if (times === undefined) return 0
      const now = performance.now()
      times.add(name, now - started)
      return now
    }
    this.#checkIndices()
    this.#plain(() => {
      const table = new Table(plan, this.#indices)
      let started = times === undefined ? 0 : performance.now()
      for (const step of plan.steps) {
        const own = step.stages.map((stage) => this.#binding.of(stage))
        this.#enter(nameOf(step), enter)
        table.run(step.fused, {
          at: (stage, row) => this.#stand(own[stage] as SeededStage, row), // as many as the step has stages
          of: (stage) => (own[stage] as SeededStage).rng
        })
        started = since(this.#entered, started)
      }
      this.#at = undefined
      this.#scope = "batch"
      this.#enter(plan.batch.id.name, enter)
      this.#finish(table.columns(), this.#indices.length)
      since(this.#entered, started)
    })
  }

  #enter(name: string, enter: ((name: string) => void) | undefined): void {
    this.#entered = name
    enter?.(name)
  }

  /** Columns have no checks of their own. */
  #checkIndices(): void {
    const { dataset } = this.#job.pipeline
    const { size } = this.#job
    for (let row = 0; row < this.#indices.length; row++) {
      const index = this.#indices[row] as number // below the length
      if (index >= 0 && index < size && Number.isInteger(index)) continue
      const cause = new IndexError({ dataset: dataset.name, index, size })
      throw new Failing(this.#error("dataset", row, cause, cause))
    }
  }

  // —— Samples ——

  /** Makes samples; what fails on its own is kept apart where it may be attempted again. */
  #samples(rows: Array<number> | undefined): Work<AttemptError> {
    const { limits, streams } = this.#program
    if (limits.sample !== undefined && streams === undefined && this.#waits()) return this.#oneByOne(rows)
    this.#rows = rows
    return andThen(this.#read(rows), () => this.#run(this.#program.before))
  }

  /** Whether a sample can be called off. */
  #waits(): boolean {
    const { stages } = this.#program
    return !(this.#job.pipeline.dataset instanceof Plain) || stages.some((stage) => stage._tag === "Effect")
  }

  /** Puts together what this attempt and those before it have made; fails with what has failed. */
  #assembled(left: Left): Work<AttemptError> {
    if (this.#failed.size > 0) {
      // What is made stays made.
      this.#keepMade()
      const [first, ...more] = Array.from(this.#failed)
        .toSorted(([a], [b]) => a - b)
        .map(([, error]) => error)
      if (first !== undefined) throw new Failing(new SamplesFailed({ errors: [first, ...more] }))
    }
    if (this.#made === undefined || this.#scope === "batch") return undefined
    this.#keepMade()
    const made = this.#made
    const rows = Array.from(made.keys()).toSorted((a, b) => a - b)
    const filled = this.#program.limits.fill === "neighbour" ? withNeighbours(rows, left) : rows
    this.#rows = filled
    this.#values = filled.map((row) => made.get(row))
    this.#adoptable = undefined
    return undefined
  }

  #keepMade(): void {
    this.#made ??= new Map()
    for (let place = 0; place < this.#values.length; place++) this.#made.set(this.#rowOf(place), this.#values[place])
    this.#values = []
    this.#rows = undefined
  }

  #read(rows: Array<number> | undefined): Work<AttemptError> {
    const { dataset } = this.#job.pipeline
    return this.#watched(`dataset ${dataset.name}`, () => {
      if (dataset instanceof Plain) return this.#readPlain(dataset, rows)
      if (this.#careful && (dataset.batched !== true || rows !== undefined)) return this.#readEach(rows)
      const read = dataset.getMany(this.#indices).pipe(
        Effect.flatMap((values) => {
          this.#values = values
          const [gave, asked] = [values.length, this.#indices.length]
          if (gave === asked) return Effect.void
          return Effect.fail(new Error(`it gave ${gave} samples where ${asked} were asked for`))
        })
      )
      if (!this.#careful) return this.#located("dataset", undefined)(read)
      // One read of many does not tell which sample is at fault: an attempt at each of them does.
      return Effect.catchAllCause(read, () =>
        suspended(() => {
          this.#retried += this.#indices.length
          return this.#readEach(undefined)
        })
      )
    })
  }

  #readPlain({ read }: Plain<unknown, unknown>, rows: Array<number> | undefined): undefined {
    const indices = this.#indices
    const count = rows?.length ?? indices.length
    const values = new Array<unknown>(count)
    let lost: Array<number> | undefined
    for (let place = 0; place < count; place++) {
      const row = rows === undefined ? place : (rows[place] as number) // below the count
      try {
        values[place] = read(indices[row] as number) // a row of the plan
      } catch (thrown) {
        const failure = thrown instanceof IndexError || thrown instanceof DatasetError ? thrown : undefined
        this.#fail(row, this.#error("dataset", row, thrown, failure))
        lost ??= []
        lost.push(place)
      }
    }
    this.#values = values
    if (lost !== undefined) this.#drop(new Set(lost))
    return undefined
  }

  /** Reads each sample on its own, so that each fails on its own, too. */
  #readEach(rows: Array<number> | undefined): Work<AttemptError> {
    const { dataset } = this.#job.pipeline
    const all = rows ?? Array.from(this.#indices.keys())
    const read = concurrent(
      all.length,
      READ_AT_ONCE,
      (place) =>
        this.#caught("dataset", all[place] as number, dataset.get(this.#indices[all[place] as number] as number)),
      (_, cause) => cause
    )
    return Effect.map(Ambient.services(read), (values) => {
      this.#values = values
      this.#rows = rows
      this.#dropFailed()
    })
  }

  /** Takes all values through some steps. */
  #run(steps: ReadonlyArray<Step>, from = 0): Work<AttemptError> {
    for (let place = from; place < steps.length; place++) {
      if (this.#values.length === 0) return undefined
      const step = steps[place] as Step // below the length
      const rest = this.#watched(nameOf(step), () => this.#step(step))
      if (rest !== undefined) return andThen(rest, () => this.#run(steps, place + 1))
    }
    return undefined
  }

  #step(step: Step): Work<AttemptError> {
    if (step._tag === "Effect" || step._tag === "Plain") {
      const { stage } = step
      return andThen(this.#binding.bind([stage], this.#scope), () => {
        const at = this.#binding.of(stage)
        if (step._tag === "Effect") return this.#effectful(step.stage, at)
        this.#plain(() => this.#each(step.stage, at))
        return undefined
      })
    }
    return andThen(this.#binding.bind(step.stages, this.#scope), () => {
      const all = step.stages.map((stage) => this.#binding.of(stage))
      if (step._tag === "Rows") return this.#byRows(all)
      this.#plain(() => this.#fused(step, all))
      return undefined
    })
  }

  #fused(step: Extract<Step, { readonly _tag: "Fused" }>, all: ReadonlyArray<SeededStage>): void {
    const { fused } = step
    if (!this.#careful || this.#scope === "batch") {
      // `place` is below `fused.length`, of which there are as many stages.
      this.#adoptable = fused.run(this.#values, (place, at) => this.#stand(all[place] as SeededStage, this.#rowOf(at)))
      return
    }
    const mark = this.#binding.mark
    if (!fused.custom) {
      try {
        this.#adoptable = fused.run(this.#values, (place, at) =>
          this.#stand(all[place] as SeededStage, this.#rowOf(at))
        )
        return
      } catch {
        // None of the user's functions has been called: which samples fail shows where each is made on its own.
        this.#binding.rewind(mark)
      }
    }
    this.#eachRow((place, row) => {
      const one = [this.#values[place]]
      fused.run(one, (stage) => this.#stand(all[stage] as SeededStage, row))
      this.#values[place] = one[0]
      return true
    })
  }

  #each(stage: PlainStage, at: SeededStage): void {
    if (this.#careful && this.#scope === "sample") {
      this.#eachRow((place, row) => this.#one(stage, at, place, row))
    } else {
      const values = this.#values
      let kept = 0
      for (let place = 0; place < values.length; place++) {
        const row = this.#rowOf(place)
        if (!this.#one(stage, at, place, row)) {
          this.#rows ??= Array.from(values.keys())
          continue
        }
        if (kept < place && this.#rows !== undefined) {
          values[kept] = values[place]
          this.#rows[kept] = row
        }
        kept++
      }
      if (kept < values.length) {
        values.length = kept
        if (this.#rows !== undefined) this.#rows.length = kept
      }
    }
    this.#checkContext()
  }

  /** Takes each value through `run`, which says whether it is kept; one that fails is kept apart. */
  #eachRow(run: (place: number, row: number) => boolean): void {
    const count = this.#values.length
    const dropped = new Set<number>()
    for (let place = 0; place < count; place++) {
      const row = this.#rowOf(place)
      try {
        if (run(place, row)) continue
      } catch (thrown) {
        this.#fail(row, this.#error(this.stage(), row, unwrapped(thrown)))
      }
      dropped.add(place)
    }
    if (dropped.size > 0) this.#drop(dropped)
  }

  /** Takes the value at a place through a stage; says whether it is kept. */
  #one(stage: PlainStage, at: SeededStage, place: number, row: number): boolean {
    const values = this.#values
    const context = this.#context
    const rng = this.#stand(at, row)
    context.ordinal = this.#ordinal + row
    context.position = this.#place.position + row
    context.index = this.#indices[row] as number // a row of the plan
    if (stage._tag === "Filter") return kept(stage.run(values[place], context))
    values[place] = this.#checkedValue(
      stage._tag === "Augment" ? stage.run(values[place], rng, context) : stage.run(values[place], context)
    )
    return true
  }

  #checkedValue(value: unknown): unknown {
    return this.#scope === "batch" ? batchOf(value, this.#label) : settledValue(value)
  }

  get #label() {
    const { batch: index, epoch } = this.#place
    const { worker } = this.#program
    return { epoch, index, rank: this.#job.plan.rank, worker }
  }

  #checkContext(): void {
    const { workers, world } = this.#job.plan
    untouched(this.#context, this.#label, world, workers)
  }

  /** Takes each sample through all stages before the next one starts, as streams that are carried on demand. */
  #byRows(stages: ReadonlyArray<SeededStage>): Work<AttemptError> {
    return Effect.gen(this, function* () {
      const dropped = new Set<number>()
      for (let place = 0; place < this.#values.length; place++) {
        const row = this.#rowOf(place)
        if (!(yield* this.#through(stages, place, row))) dropped.add(place)
      }
      if (dropped.size > 0) this.#drop(dropped)
    })
  }

  /** Takes one value through stages; says whether it is kept. */
  #through(
    stages: ReadonlyArray<SeededStage>,
    place: number,
    row: number,
    entered: (stage: string) => void = () => undefined
  ): Effect.Effect<boolean, AttemptError, unknown> {
    return Effect.gen(this, function* () {
      for (const at of stages) {
        const { stage } = at
        entered(stage.id.name)
        if (stage._tag === "Effect") {
          this.#values[place] = yield* Ambient.services(this.#effectOne(stage, at, this.#values[place], row))
          continue
        }
        const plain = stage as PlainStage // before `batch` there are no others
        let keeps = true
        yield* suspended<AttemptError>(() => {
          this.#plain(() => {
            keeps = this.#one(plain, at, place, row)
            this.#checkContext()
          })
          return undefined
        })
        if (!keeps) return false
      }
      return true
    })
  }

  /** Makes each sample on its own and in its own time, several at once. */
  #oneByOne(rows: Array<number> | undefined): Work<AttemptError> {
    const { limits, stages } = this.#program
    const { dataset } = this.#job.pipeline
    const all = rows ?? Array.from(this.#indices.keys())
    return andThen(this.#binding.bind(stages, "sample"), () => {
      const seeded = stages.map((stage) => this.#binding.of(stage))
      this.#values = new Array<unknown>(all.length)
      this.#rows = all
      const dropped = new Set<number>()
      const one = (place: number): Effect.Effect<void, AttemptError, unknown> => {
        const row = all[place] as number // below the length
        let stage = "dataset"
        const making = Effect.gen(this, function* () {
          const read = dataset.get(this.#indices[row] as number) // a row of the plan
          this.#values[place] = yield* this.#located(stage, row)(read)
          const keeps = yield* this.#through(seeded, place, row, (name) => {
            stage = name
          })
          if (!keeps) dropped.add(place)
        })
        const after = Duration.toMillis(limits.sample ?? 0)
        const timed =
          limits.sample === undefined
            ? making
            : Effect.timeoutFail(making, {
                duration: limits.sample,
                onTimeout: () => this.#error(stage, row, new TimedOut({ what: "sample", after }))
              })
        return Effect.catchTag(timed, "StageError", (error) =>
          Effect.sync(() => {
            this.#failed.set(row, error)
            dropped.add(place)
          })
        )
      }
      const made = concurrent(all.length, this.#atOnce(), one, (_, cause) => cause)
      return Effect.map(Ambient.services(made), () => {
        this.#made ??= new Map()
        this.#drop(dropped)
      })
    })
  }

  /** How many samples may be under way at once, so that no stage has more of them than it allows. */
  #atOnce(): number {
    const { stages } = this.#program
    const waiting = stages.filter((stage) => stage._tag === "Effect").map(({ concurrency }) => concurrency)
    return Math.min(...waiting, READ_AT_ONCE)
  }

  // —— What failed, and what was left out ——

  /** A sample failed on its own. Throws where no other attempt can follow. */
  #fail(row: number, error: StageError): void {
    if (!this.#careful || !isFault(error)) throw new Failing(error)
    this.#failed.set(row, error)
  }

  /** An effect of one row, which fails on its own. */
  #caught(stage: string, row: number, effect: Effect.Effect<unknown, unknown, unknown>) {
    return Effect.catchAllCause(effect, (cause) =>
      suspended<StageError>(() => {
        this.#fail(row, this.#failedWith(stage, row, cause))
        return undefined
      })
    )
  }

  #dropFailed(): void {
    if (this.#failed.size === 0) return
    const failed = new Set<number>()
    for (let place = 0; place < this.#values.length; place++)
      if (this.#failed.has(this.#rowOf(place))) failed.add(place)
    this.#drop(failed)
  }

  #drop(places: ReadonlySet<number>): void {
    const rows: Array<number> = []
    const values: Array<unknown> = []
    for (let place = 0; place < this.#values.length; place++) {
      if (places.has(place)) continue
      rows.push(this.#rowOf(place))
      values.push(this.#values[place])
    }
    this.#rows = rows
    this.#values = values
  }

  #rowOf(place: number): number {
    return this.#rows === undefined ? place : (this.#rows[place] as number) // as many rows as values
  }

  // —— The batch ——

  /** Lays the samples in columns. A collate is the caller's code as a stage is, so ambient randomness is governed there. */
  #collate(): Work<AttemptError> {
    if (this.#scope === "batch") return undefined // columns were made at once
    const { batching } = this.#program
    return this.#watched(batching.id.name, () => {
      this.#scope = "batch"
      return andThen(this.#binding.bind([batching], "batch"), () => {
        this.#plain(() => {
          this.#stand(this.#binding.of(batching), 0)
          const columns = settledValue(batching.collate(this.#values, this.#adoptable))
          this.#finish(columns, this.#values.length)
        })
        return undefined
      })
    })
  }

  /** From here on there is one value, the batch. */
  #finish(columns: unknown, size: number): void {
    const batch: Batch<unknown> = { ...this.#label, size, indices: this.#keptIndices(), columns }
    this.#values = [batch]
    this.#rows = undefined
    this.#scope = "batch"
  }

  #keptIndices(): Float64Array {
    if (this.#rows === undefined) return this.#indices
    return Float64Array.from(this.#rows, (row) => this.#indices[row] as number) // rows of the plan
  }

  /** Hands the draws of this batch to a policy that records. */
  #report(): Work<AttemptError> {
    return this.#job.policy?.record?.(this.#binding.draws)
  }

  // —— Effects ——

  #effectful(stage: EffectStage, at: SeededStage): Work<AttemptError> {
    const values = this.#values
    const places = values.map((_, place) => this.#placed(at, this.#rowOf(place)))
    const careful = this.#careful && this.#scope === "sample"
    const work = concurrent(
      values.length,
      stage.concurrency,
      // As many places as values.
      (place) => {
        const row = this.#rowOf(place)
        const ran = this.#ran(stage, places[place] as Ambient.AtWork, values[place], row)
        return careful ? this.#caught(stage.id.name, row, ran) : ran
      },
      (place, cause) => (careful ? (cause as Cause.Cause<StageError>) : this.#causeAt(stage.id.name, place, cause)),
      (place) => Ambient.starting(places[place] as Ambient.AtWork)
    )
    return Effect.flatMap(Ambient.services(work), (made) =>
      suspended<StageError>(() => {
        this.#plain(() => {
          this.#stand(at, 0)
          this.#values = this.#scope === "batch" ? made.map((value) => batchOf(value, this.#label)) : made
        })
        this.#dropFailed()
        return undefined
      })
    )
  }

  #causeAt(stage: string, place: number, cause: Cause.Cause<unknown>): Cause.Cause<StageError> {
    return Cause.fail(this.#failedWith(stage, this.#rowOf(place), cause))
  }

  #effectOne(
    stage: EffectStage,
    at: SeededStage,
    value: unknown,
    row: number
  ): Effect.Effect<unknown, StageError, unknown> {
    const own = this.#placed(at, row)
    const work = Effect.suspend(() => this.#ran(stage, own, value, row))
    return Ambient.effect(own, work).pipe(this.#located(stage.id.name, row))
  }

  /** The stage's own effect at a row. Several rows are in it at once: each has a generator and a context of its own. */
  #ran(stage: EffectStage, own: Ambient.AtWork, value: unknown, row: number): Effect.Effect<unknown, unknown, unknown> {
    const { rank, workers, world } = this.#job.plan
    const { batch, epoch, position } = this.#place
    const context: StageContext = {
      epoch,
      rank,
      world,
      worker: this.#program.worker,
      workers,
      batch,
      ordinal: this.#ordinal + row,
      position: position + row,
      index: this.#indices[row] as number // a row of the plan
    }
    try {
      return stage.run(value, own.drawing() ?? idle, Object.freeze(context))
    } catch (thrown) {
      // Effect asks what is thrown within it whether it is an effect, which a Proxy may answer by throwing once more.
      return Effect.failCause(Cause.die(thrown))
    }
  }

  #placed(at: SeededStage, row: number): Ambient.AtWork {
    const rng = at.stage.draws && at.seeds !== undefined ? this.#binding.fresh(at, row) : undefined
    let derived: Rng.Rng | undefined
    return {
      setting: this.setting,
      stage: () => at.stage.id.name,
      drawing: () => rng,
      derived: () => {
        derived ??= this.#binding.ambient(at, row)
        return derived
      }
    }
  }

  // —— The place at work: what ambient randomness and errors go by ——

  /** Puts the work at a row of a stage. */
  #stand(at: SeededStage, row: number): Rng.Rng {
    this.#at = at
    this.#row = row
    const rng = at.rng(row)
    this.#rng = rng
    return rng
  }

  readonly stage = (): string => this.#at?.stage.id.name ?? "batch"
  readonly drawing = (): Rng.Rng | undefined => (this.#at?.stage.draws ? this.#rng : undefined)
  readonly derived = (): Rng.Rng => {
    const at = this.#at
    if (at === undefined) return idle
    if (this.#derived?.at !== at || this.#derived.row !== this.#row) {
      this.#derived = { at, row: this.#row, rng: this.#binding.ambient(at, this.#row) }
    }
    return this.#derived.rng
  }

  /** Runs plain code; what it throws becomes an error at the place that the work stood at. */
  #plain(run: () => void): void {
    try {
      Ambient.plain(this, run)
    } catch (thrown) {
      if (Failing.is(thrown)) throw thrown
      throw new Failing(this.#error(this.stage(), this.#row, unwrapped(thrown)))
    } finally {
      this.#at = undefined
      this.#rng = undefined
    }
  }

  /** The work of a step, timed and traced where somebody looks on. */
  #watched(name: string, work: () => Work<AttemptError>): Work<AttemptError> {
    return watched(this.#job.watch, name, () => {
      this.#entered = name
      return work()
    })
  }

  /**
   * Brings what an effect fails with, or dies of, to an error with its place. When the worker itself is interrupted this
   * is passed by; an interruption that comes here is one that the effect met within, such as a fiber it waited for.
   */
  #located(stage: string, row: number | undefined) {
    return <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, StageError, R> =>
      Effect.catchAllCause(effect, (cause) => Effect.fail(this.#failedWith(stage, row, cause)))
  }

  #failedWith(stage: string, row: number | undefined, cause: Cause.Cause<unknown>): StageError {
    return this.#error(stage, row, Cause.squash(cause), Option.getOrUndefined(Cause.failureOption(cause)))
  }

  #error(stage: string, row: number | undefined, cause: unknown, failure?: unknown): StageError {
    const { batch, epoch, position } = this.#place
    const sample = this.#scope === "sample" ? row : undefined
    return errorAt(this.#job, { epoch, batch, worker: this.#program.worker }, stage, cause, {
      failure,
      sample: sample === undefined ? undefined : this.#indices[sample],
      position: sample === undefined ? undefined : position + sample,
      ordinal: sample === undefined ? undefined : this.#ordinal + sample
    })
  }
}

const tableName = ({ batch, steps }: TablePlan): string =>
  [...steps.flatMap(({ stages }) => stages), batch].map(({ id }) => id.name).join(" + ")

/** What an effect failed with that plain code ran by `Effect.runSync`, which wraps it. */
const unwrapped = (thrown: unknown): unknown => {
  try {
    return Runtime.isFiberFailure(thrown) ? Cause.squash(thrown[Runtime.FiberFailureCauseId]) : thrown
  } catch {
    return thrown // a Proxy of which nothing can be asked
  }
}

/** The rows that were left out with the one before them in their place, or the first one where there is none before. */
const withNeighbours = (made: Array<number>, left: Left): Array<number> => {
  const [first] = made
  if (first === undefined) return made
  let before = first
  const all = [...made.map((row) => ({ row, left: false })), ...Array.from(left, (row) => ({ row, left: true }))]
  return all
    .toSorted((a, b) => a.row - b.row)
    .map((own) => {
      if (!own.left) before = own.row
      return before
    })
}

/** How many samples are read at once where no stage says how many. */
const READ_AT_ONCE = 16
