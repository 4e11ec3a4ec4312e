/**
 * One batch in the making: its samples on their way through the stages, and the place that the work stands at, which
 * seeds, errors and ambient randomness go by.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import { concurrent } from "../Concurrent.ts"
import { type Dataset, Plain } from "../datasets/RandomAccess.ts"
import * as Ambient from "../seeding/Ambient.ts"
import { CoordinatesError } from "../seeding/Coordinates.ts"
import { Xoshiro128, algorithm as xoshiro } from "../seeding/generators/Xoshiro128.ts"
import { RecordingRng } from "../seeding/RecordingRng.ts"
import * as Rng from "../seeding/Rng.ts"
import * as SeedPolicy from "../seeding/SeedPolicy.ts"
import type { Batch } from "../stages/Batch.ts"
import type { Stage, StageContext } from "../stages/Stage.ts"
import { TimedOut } from "./FailurePolicy.ts"
import { idle, sampling } from "./Idle.ts"
import type { Job, Order } from "./Job.ts"
import * as Plan from "./Plan.ts"
import { nameOf } from "./Profile.ts"
import { requestAt } from "./Request.ts"
import { StageError } from "./StageError.ts"
import type { BatchStage, EffectStage, PlainStage, Step } from "./Steps.ts"
import type { Streams } from "./Streams.ts"
import { Table, type TablePlan } from "./Table.ts"
import { type Left, type Limits, SamplesFailed } from "./Tries.ts"

/** A stage with the seeds that its rows start from; without seeds it does not draw. */
interface Seeded {
  readonly stage: Stage
  readonly request: SeedPolicy.Request
  readonly seeds: SeedPolicy.Seeds | undefined
  /** The rng at a row's seed. It may be one object, seeded anew at each call. */
  readonly rng: (row: number) => Rng.Rng
}

interface Context extends StageContext {
  ordinal: number
  position: number
  index: number
}

/** @since 0.1.0 */
export class Making implements Ambient.AtWork {
  /** The samples as they are now; behind `batch` the one batch. */
  values: Array<unknown> = []
  readonly setting: Ambient.Setting
  /**
   * For each value the row of the plan it came from, since filters leave values out while seeds and errors go by rows.
   * `undefined` while none is left out: then a value's place is its row.
   */
  #rows: Array<number> | undefined
  readonly #job: Job
  readonly #streams: Streams | undefined
  readonly #context: Context
  readonly #first: { readonly ordinal: number; readonly position: number }
  readonly #indices: Float64Array
  readonly #draws: Array<SeedPolicy.Draw> = []
  #scope: "sample" | "batch" = "sample"
  #adoptable: ArrayBufferLike | undefined

  /** The step that was begun last. */
  #entered = "sample"

  // The place at work.
  #at: Seeded | undefined
  #row = 0
  #rng: Rng.Rng | undefined
  #derived: { readonly at: Seeded; readonly row: number; readonly rng: Rng.Rng } | undefined

  /** A batch of which `count` rows are wanted, from the one at `position` on; with the streams that go on, if any do. */
  constructor(
    job: Job,
    worker: number,
    epoch: number,
    batch: number,
    position: number,
    count: number,
    streams: Streams | undefined
  ) {
    streams?.enter(epoch)
    const { rank, workers, world } = job.plan
    const ordinal = Plan.ordinalAt(job.plan, batch, position)
    this.setting = job.pipeline.ambient
    this.#job = job
    this.#streams = streams
    this.#first = { ordinal, position }
    this.#indices = new Float64Array(count)
    this.#context = { epoch, rank, world, worker, workers, batch, ordinal, position, index: 0 }
  }

  /** The dataset index of each row. */
  get indices(): Float64Array {
    return this.#indices
  }

  /** The value of the last row; none when a filter left it out. */
  get last(): Option.Option<unknown> {
    const place = this.values.length - 1
    return place >= 0 && this.#rowOf(place) === this.#indices.length - 1
      ? Option.some(this.values[place])
      : Option.none()
  }

  /** Asks the epoch's order which samples stand at the rows. A sampler is a caller's code, too: it can throw. */
  choose(): Effect.Effect<void, StageError | CoordinatesError> {
    const { epoch } = this.#context
    const chosen = this.#job.order(epoch).pipe(
      Effect.flatMap((order) => {
        try {
          this.#place(order)
          return Effect.void
        } catch (thrown) {
          return Effect.die(thrown) // as in `#ran`
        }
      }),
      Effect.catchAllDefect((thrown) => Effect.fail(this.#error("sample", undefined, thrown)))
    )
    return this.#watched("sample", chosen)
  }

  #place(order: Order): void {
    const { position } = this.#context
    Ambient.plain(sampling(this.setting), () => {
      for (let row = 0; row < this.#indices.length; row++) this.#indices[row] = order(position + row)
    })
  }

  /**
   * {@link choose} and {@link tabulate} in one go and without an effect, for an order that is known and seeds that need
   * none. Gives `false`, and has done nothing that lasts, where that does not go.
   */
  now(plan: TablePlan): boolean {
    const order = this.#orderNow()
    if (order === undefined) return false
    try {
      this.#place(order)
      const seeded: Array<ReadonlyArray<Seeded>> = []
      for (const { stages } of plan.steps) {
        const own = this.#allSeededNow(stages)
        if (own === undefined) return false
        seeded.push(own)
      }
      return this.#tabulated(plan, seeded)
    } catch {
      return false
    }
  }

  /** As {@link now}, sample by sample: all of `choose`, `read`, `run`, `collate` and `run`, where none of it waits. */
  allNow(
    dataset: Plain<unknown, unknown>,
    before: ReadonlyArray<Step>,
    batching: BatchStage,
    behind: ReadonlyArray<Step>
  ): boolean {
    const order = this.#orderNow()
    if (order === undefined) return false
    try {
      this.#place(order)
      const { enter } = this.#job.watch
      const { read } = dataset
      enter?.(`dataset ${dataset.name}`)
      const indices = this.#indices
      const values = new Array<unknown>(indices.length)
      for (let row = 0; row < values.length; row++) values[row] = read(indices[row] as number) // as many as rows
      this.values = values
      if (!this.#stepsNow(before) || this.values.length === 0) return false
      this.#scope = "batch"
      const [at] = this.#allSeededNow([batching]) ?? []
      if (at === undefined) return false
      enter?.(batching.id.name)
      Ambient.plain(this, () => {
        this.#stand(at, 0)
        this.#finish(batching.collate(this.values, this.#adoptable), this.values.length)
      })
      return this.#stepsNow(behind)
    } catch {
      return false
    } finally {
      this.#at = undefined
      this.#rng = undefined
    }
  }

  #stepsNow(steps: ReadonlyArray<Step>): boolean {
    for (const step of steps) {
      if (this.values.length === 0) return true
      const all =
        step._tag === "Fused"
          ? this.#allSeededNow(step.stages)
          : step._tag === "Plain"
            ? this.#allSeededNow([step.stage])
            : undefined
      if (all === undefined) return false
      this.#job.watch.enter?.(nameOf(step))
      Ambient.plain(this, () => this.#stepNow(step, all))
    }
    return true
  }

  /** The order of the epoch where it is known, and nobody wants to know of draws. */
  #orderNow(): Order | undefined {
    const { known, policy } = this.#job
    return policy?.record === undefined ? known(this.#context.epoch) : undefined
  }

  /** Stages with their seeds, where the policy has these at hand. */
  #allSeededNow(stages: ReadonlyArray<Stage>): ReadonlyArray<Seeded> | undefined {
    const { policy } = this.#job
    const all: Array<Seeded> = []
    for (const stage of stages) {
      const request = this.#request(stage)
      if (policy === undefined || !(stage.draws || this.setting === "derive")) {
        all.push({ stage, request, seeds: undefined, rng: () => idle })
        continue
      }
      const seeds = SeedPolicy.seedsNow(policy, request)
      if (seeds === undefined || this.#unfit(seeds, request.indices.length) !== undefined) return undefined
      all.push(this.#from(stage, request, seeds))
    }
    return all
  }

  /** Reads the samples. */
  read(): Effect.Effect<void, StageError, unknown> {
    const read = this.#job.pipeline.dataset.getMany(this.#indices).pipe(
      Effect.flatMap((values) => {
        this.values = values
        const [given, asked] = [values.length, this.#indices.length]
        return given === asked
          ? Effect.void
          : Effect.fail(new Error(`it gave ${given} samples where ${asked} were asked for`))
      }),
      this.#located("dataset", undefined)
    )
    return this.#watched(`dataset ${this.#job.pipeline.dataset.name}`, read)
  }

  /**
   * Reads and makes each sample on its own, but for the rows in `left`, so that each fails on its own, too: with
   * `SamplesFailed` once all others are made. For stages that stand before `batch`, and seeds that are not carried on.
   */
  carefully(
    stages: ReadonlyArray<PlainStage | EffectStage>,
    left: Left,
    { fill, sample: limit }: Limits
  ): Effect.Effect<void, SamplesFailed | CoordinatesError, unknown> {
    return Effect.gen(this, function* () {
      const { dataset } = this.#job.pipeline
      const seeded = yield* Effect.forEach(stages, (stage) => this.#seeded(stage))
      const rows = Array.from(this.#indices.keys()).filter((row) => !left.has(row))
      const made = new Map<number, unknown>()
      const errors: Array<readonly [row: number, error: StageError]> = []
      this.values = new Array<unknown>(this.#indices.length)
      this.#rows = undefined
      const one = (row: number) =>
        Effect.suspend(() => {
          let stage = "dataset"
          const making = Effect.gen(this, function* () {
            this.values[row] = yield* dataset.get(this.#indices[row] as number).pipe(this.#located(stage, row))
            for (const at of seeded) {
              stage = at.stage.id.name
              if (at.stage._tag === "Effect") {
                this.values[row] = yield* this.#effectOne(at.stage, at, this.values[row], row)
              } else if (isPlain(at.stage)) {
                const plain = at.stage
                let keeps = true
                yield* this.#plain(() => {
                  keeps = this.#one(plain, at, row, row)
                })
                if (!keeps) return
              }
            }
            made.set(row, this.values[row])
          })
          const late = () =>
            this.#error(stage, row, new TimedOut({ what: "sample", after: Duration.toMillis(limit ?? 0) }))
          return Effect.catchAll(
            limit === undefined ? making : Effect.timeoutFail(making, { duration: limit, onTimeout: late }),
            (error) => Effect.sync(() => errors.push([row, error]))
          )
        })
      const all = concurrent(
        rows.length,
        atOnce(stages, dataset),
        (place) => one(rows[place] as number), // as many as places
        (_, cause) => cause
      )
      yield* Ambient.services(all)
      const [first, ...more] = errors.toSorted(([a], [b]) => a - b).map(([, error]) => error)
      if (first !== undefined) return yield* new SamplesFailed({ errors: [first, ...more] })
      const kept = rows.filter((row) => made.has(row))
      const filled = fill === "neighbour" ? withNeighbours(kept, left) : kept
      this.#rows = filled
      this.values = filled.map((row) => made.get(row))
    })
  }

  /** Fails when the work takes longer, with the stage that was at it. */
  inTime<A, E, R>(work: Effect.Effect<A, E, R>, limit: Duration.Duration): Effect.Effect<A, E | StageError, R> {
    return Effect.timeoutFail(work, {
      duration: limit,
      onTimeout: () => {
        this.#scope = "batch"
        const cause = new TimedOut({ what: "batch", after: Duration.toMillis(limit) })
        return this.#error(this.#entered, undefined, cause)
      }
    })
  }

  /** Takes all values through some steps. */
  run(steps: ReadonlyArray<Step>): Effect.Effect<void, StageError | CoordinatesError, unknown> {
    return Effect.forEach(
      steps,
      (step) => (this.values.length === 0 ? Effect.void : this.#watched(nameOf(step), this.#step(step))),
      {
        discard: true
      }
    )
  }

  /** Lays the samples in columns. A collate is the caller's code as a stage is, so ambient randomness is governed there. */
  collate(stage: BatchStage): Effect.Effect<void, StageError | CoordinatesError> {
    const collated = Effect.suspend(() => {
      this.#scope = "batch"
      return Effect.flatMap(this.#seeded(stage), (at) =>
        this.#plain(() => {
          this.#stand(at, 0)
          this.#finish(stage.collate(this.values, this.#adoptable), this.values.length)
        })
      )
    })
    return this.#watched(stage.id.name, collated)
  }

  /**
   * Makes the batch of columns. Gives `false`, and has done nothing that lasts, where that does not go: an index that
   * the dataset has not, an error on the way. Then the batch is to be made of samples, which says what is wrong.
   */
  tabulate(plan: TablePlan): Effect.Effect<boolean, CoordinatesError> {
    const tabulated = Effect.gen(this, function* () {
      const seeded: Array<ReadonlyArray<Seeded>> = []
      for (const { stages } of plan.steps) seeded.push(yield* Effect.forEach(stages, (stage) => this.#seeded(stage)))
      return this.#tabulated(plan, seeded)
    })
    return this.#job.watch.traced ? Effect.withSpan(tabulated, tableName(plan), SPAN) : tabulated
  }

  #tabulated(plan: TablePlan, seeded: ReadonlyArray<ReadonlyArray<Seeded>>): boolean {
    const { enter, times } = this.#job.watch
    const since = (name: string, started: number): number => {
      const now = times === undefined ? 0 : performance.now()
      times?.add(name, now - started)
      return now
    }
    const { size } = this.#job
    for (let row = 0; row < this.#indices.length; row++) {
      const index = this.#indices[row] as number // below the length
      if (!(index >= 0 && index < size && Number.isInteger(index))) return false
    }
    try {
      Ambient.plain(this, () => {
        const table = new Table(plan, this.#indices)
        let started = times === undefined ? 0 : performance.now()
        plan.steps.forEach((step, place) => {
          // As many as there are steps, and of each as many as it has stages.
          const own = seeded[place] as ReadonlyArray<Seeded>
          enter?.(nameOf(step))
          table.run(step.fused, {
            at: (stage, row) => this.#stand(own[stage] as Seeded, row),
            of: (stage) => (own[stage] as Seeded).rng
          })
          started = since(nameOf(step), started)
        })
        this.#finish(table.columns(), this.#indices.length)
        since(plan.batch.id.name, started)
      })
      return true
    } catch {
      return false
    } finally {
      this.#at = undefined
      this.#rng = undefined
    }
  }

  /** The work of a stage, timed and traced where somebody looks on. */
  #watched<A, E, R>(name: string, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    this.#entered = name
    const { enter, times, traced } = this.#job.watch
    if (times === undefined && enter === undefined && !traced) return work
    const timed = Effect.suspend(() => {
      this.#entered = name
      enter?.(name)
      if (times === undefined) return work
      const started = performance.now()
      return Effect.ensuring(
        work,
        Effect.sync(() => times.add(name, performance.now() - started))
      )
    })
    return traced ? Effect.withSpan(timed, name, SPAN) : timed
  }

  /** From here on there is one value, the batch. */
  #finish(columns: unknown, size: number): void {
    const { batch: index, epoch, rank, worker } = this.#context
    const batch: Batch<unknown> = { epoch, index, rank, worker, size, indices: this.#keptIndices(), columns }
    this.values = [batch]
    this.#rows = undefined
    this.#scope = "batch"
  }

  /** Hands the draws of this batch to a policy that records. */
  report(): Effect.Effect<void> {
    return this.#job.policy?.record?.(this.#draws) ?? Effect.void
  }

  #step(step: Step): Effect.Effect<void, StageError | CoordinatesError, unknown> {
    if (step._tag === "Effect") {
      return Effect.flatMap(this.#seeded(step.stage), (at) => this.#effectful(step.stage, at))
    }
    if (step._tag === "Plain") {
      return Effect.flatMap(this.#seeded(step.stage), (at) => this.#plain(() => this.#stepNow(step, [at])))
    }
    if (step._tag === "Rows") {
      return Effect.flatMap(
        Effect.forEach(step.stages, (stage) => this.#seeded(stage)),
        (all) => this.#byRows(all)
      )
    }
    return Effect.flatMap(
      Effect.forEach(step.stages, (stage) => this.#seeded(stage)),
      (all) => this.#plain(() => this.#stepNow(step, all))
    )
  }

  /** Takes all values through a step of plain code, whose stages have these seeds. */
  #stepNow(step: Step, all: ReadonlyArray<Seeded>): void {
    if (step._tag === "Plain") this.#each(step.stage, all[0] as Seeded) // one for its stage
    if (step._tag !== "Fused") return
    this.#adoptable = step.fused.run(this.values, (place, row) => {
      // `place` is below `fused.length`, of which there are as many stages.
      return this.#stand(all[place] as Seeded, this.#rowOf(row))
    })
  }

  /** Runs plain code; what it throws becomes an error at the place that the work stood at. */
  #plain(run: () => void): Effect.Effect<void, StageError> {
    return Effect.suspend(() => {
      try {
        Ambient.plain(this, run)
        return Effect.void
      } catch (cause) {
        return Effect.fail(this.#error(this.stage(), this.#row, unwrapped(cause)))
      } finally {
        this.#at = undefined
        this.#rng = undefined
      }
    })
  }

  #each(stage: PlainStage, at: Seeded): void {
    const { values } = this
    const kept: Array<number> = []
    for (let place = 0; place < values.length; place++) {
      if (this.#one(stage, at, place, this.#rowOf(place))) kept.push(place)
    }
    if (kept.length < values.length) this.#keep(kept)
  }

  /** Takes the value at a place through a stage; says whether it is kept. */
  #one(stage: PlainStage, at: Seeded, place: number, row: number): boolean {
    const { values } = this
    const context = this.#context
    const rng = this.#stand(at, row)
    context.ordinal = this.#first.ordinal + row
    context.position = this.#first.position + row
    context.index = this.#indices[row] as number // a row of the plan
    if (stage._tag === "Filter") return stage.run(values[place], context)
    values[place] =
      stage._tag === "Augment" ? stage.run(values[place], rng, context) : stage.run(values[place], context)
    return true
  }

  #keep(kept: ReadonlyArray<number>): void {
    this.#rows = kept.map((place) => this.#rowOf(place))
    this.values = kept.map((place) => this.values[place])
  }

  /** Takes each sample through all stages before the next one starts, as draws that go on demand. */
  #byRows(stages: ReadonlyArray<Seeded>): Effect.Effect<void, StageError, unknown> {
    return Effect.gen(this, function* () {
      const kept: Array<number> = []
      for (let place = 0; place < this.values.length; place++) {
        const row = this.#rowOf(place)
        let keeps = true
        for (const at of stages) {
          if (!keeps) break
          const { stage } = at
          if (stage._tag === "Effect") {
            this.values[place] = yield* Ambient.services(this.#effectOne(stage, at, this.values[place], row))
          } else if (isPlain(stage)) {
            yield* this.#plain(() => {
              keeps = this.#one(stage, at, place, row)
            })
          }
        }
        if (keeps) kept.push(place)
      }
      if (kept.length < this.values.length) this.#keep(kept)
    })
  }

  #rowOf(place: number): number {
    return this.#rows === undefined ? place : (this.#rows[place] as number) // as many rows as values
  }

  #keptIndices(): Float64Array {
    if (this.#rows === undefined) return this.#indices
    return Float64Array.from(this.#rows, (row) => this.#indices[row] as number) // rows of the plan
  }

  #effectful(stage: EffectStage, at: Seeded): Effect.Effect<void, StageError, unknown> {
    return Effect.suspend(() => {
      const { values } = this
      const places = values.map((_, place) => this.#placed(at, this.#rowOf(place)))
      const work = concurrent(
        values.length,
        stage.concurrency,
        // As many places as values.
        (place) => this.#ran(stage, places[place] as Ambient.AtWork, values[place], this.#rowOf(place)),
        (place, cause) => Cause.fail(this.#failed(stage.id.name, this.#rowOf(place), cause)),
        (place) => Ambient.starting(places[place] as Ambient.AtWork)
      )
      return Effect.map(Ambient.services(work), (made) => {
        this.values = made
      })
    })
  }

  #effectOne(stage: EffectStage, at: Seeded, value: unknown, row: number): Effect.Effect<unknown, StageError, unknown> {
    const own = this.#placed(at, row)
    const work = Effect.suspend(() => this.#ran(stage, own, value, row))
    return Ambient.effect(own, work).pipe(this.#located(stage.id.name, row))
  }

  /** The stage's own effect at a row. Several rows are in it at once: each has a generator and a context of its own. */
  #ran(stage: EffectStage, own: Ambient.AtWork, value: unknown, row: number): Effect.Effect<unknown, unknown, unknown> {
    const { epoch, rank, world, worker, workers, batch } = this.#context
    try {
      return stage.run(value, own.drawing() ?? idle, {
        epoch,
        rank,
        world,
        worker,
        workers,
        batch,
        ordinal: this.#first.ordinal + row,
        position: this.#first.position + row,
        index: this.#indices[row] as number // a row of the plan
      })
    } catch (thrown) {
      // Effect asks what is thrown within it whether it is an effect, which a Proxy may answer by throwing once more.
      return Effect.die(thrown)
    }
  }

  #placed(at: Seeded, row: number): Ambient.AtWork {
    const rng = at.stage.draws && at.seeds !== undefined ? this.#fresh(at, row) : undefined
    let derived: Rng.Rng | undefined
    return {
      setting: this.setting,
      stage: () => at.stage.id.name,
      drawing: () => rng,
      derived: () => {
        derived ??= this.#ambientRng(at, row)
        return derived
      }
    }
  }

  /** Puts the work at a row of a stage. */
  #stand(at: Seeded, row: number): Rng.Rng {
    this.#at = at
    this.#row = row
    const rng = at.rng(row)
    this.#rng = rng
    return rng
  }

  // What ambient randomness asks of the place at work.
  readonly stage = (): string => this.#at?.stage.id.name ?? "batch"
  readonly drawing = (): Rng.Rng | undefined => (this.#at?.stage.draws ? this.#rng : undefined)
  readonly derived = (): Rng.Rng => {
    const at = this.#at
    if (at === undefined) return idle
    if (this.#derived?.at !== at || this.#derived.row !== this.#row) {
      this.#derived = { at, row: this.#row, rng: this.#ambientRng(at, this.#row) }
    }
    return this.#derived.rng
  }

  /** A fork of the row's stream, so that what ambient calls draw moves none of the stage's own draws. */
  #ambientRng(at: Seeded, row: number): Rng.Rng {
    const { seeds } = at
    if (seeds === undefined) return idle
    const rng =
      seeds._tag === "Carried" && this.#streams !== undefined
        ? this.#streams.ambient(seeds.slot, seeds.seed)
        : Rng.make(SeedPolicy.seedAt(seeds, row)).fork("ambient")
    return this.#observed(rng, at.request, row, "ambient/")
  }

  #fresh(at: Seeded, row: number): Rng.Rng {
    return at.seeds === undefined ? idle : this.#started(at.seeds, at.request, row)
  }

  /** A generator of its own at a row's seed, or the stream that goes on there. */
  #started(seeds: SeedPolicy.Seeds, request: SeedPolicy.Request, row: number): Rng.Rng {
    const rng =
      seeds._tag === "Carried" && this.#streams !== undefined
        ? this.#streams.at(seeds.slot, seeds.seed)
        : Rng.make(SeedPolicy.seedAt(seeds, row))
    return this.#observed(rng, request, row)
  }

  #observed(rng: Rng.Rng, request: SeedPolicy.Request, row: number, prefix = ""): Rng.Rng {
    if (this.#job.policy?.record === undefined) return rng
    return new RecordingRng(rng, SeedPolicy.coordinates(request, row), this.#draws, prefix)
  }

  /** Asks the policy for a stage's seeds, one a row of the plan (behind `batch`: one). */
  #seeded(stage: Stage): Effect.Effect<Seeded, CoordinatesError> {
    const { policy } = this.#job
    const request = this.#request(stage)
    if (policy === undefined || !(stage.draws || this.setting === "derive")) {
      return Effect.succeed({ stage, request, seeds: undefined, rng: () => idle })
    }
    return Effect.flatMap(policy.seeds(request), (seeds) => {
      const reason = this.#unfit(seeds, request.indices.length)
      if (reason === undefined) return Effect.succeed(this.#from(stage, request, seeds))
      const place = SeedPolicy.coordinates(request, 0)
      return new CoordinatesError({ policy: policy.name, seed: policy.seed, coordinates: place, reason })
    })
  }

  #request(stage: Stage): SeedPolicy.Request {
    const { batch, epoch, worker } = this.#context
    const { position } = this.#first
    return requestAt(this.#job, stage.id, this.#scope, { epoch, worker, batch, position, indices: this.#indices })
  }

  /** A stage whose rows start from seeds that fit. */
  #from(stage: Stage, request: SeedPolicy.Request, seeds: SeedPolicy.Seeds): Seeded {
    if (seeds._tag === "Packed" && seeds.algorithm === xoshiro && this.#job.policy?.record === undefined) {
      const { words } = seeds
      const own = new Xoshiro128()
      return { stage, request, seeds, rng: (row: number) => own.reseed(words, 4 * row) }
    }
    return { stage, request, seeds, rng: (row: number) => this.#started(seeds, request, row) }
  }

  /** Why seeds cannot be what `count` rows start from. */
  #unfit(seeds: SeedPolicy.Seeds, count: number): string | undefined {
    if (seeds._tag === "Carried") {
      return this.#streams === undefined ? "it gave a stream to carry on, but has no `carries`" : undefined
    }
    const given = seeds._tag === "Packed" ? seeds.words.length / seeds.width : seeds.seeds.length
    return given === count ? undefined : `it gave ${given} seeds where ${count} were asked for`
  }

  /**
   * Brings what an effect fails with, or dies of, to an error with its place. When the worker itself is interrupted this
   * is passed by; an interruption that comes here is one that the effect met within, such as a fiber it waited for.
   */
  #located(stage: string, row: number | undefined) {
    return <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, StageError, R> =>
      Effect.catchAllCause(effect, (cause) => Effect.fail(this.#failed(stage, row, cause)))
  }

  #failed(stage: string, row: number | undefined, cause: Cause.Cause<unknown>): StageError {
    return this.#error(stage, row, Cause.squash(cause), Option.getOrUndefined(Cause.failureOption(cause)))
  }

  #error(stage: string, row: number | undefined, cause: unknown, failure?: unknown): StageError {
    const { policy } = this.#job
    const { batch, epoch, rank, worker, workers, world } = this.#context
    const sample = this.#scope === "sample" ? row : undefined
    return new StageError({
      policy: policy?.name ?? "none",
      seed: policy?.seed ?? "none",
      epoch,
      rank,
      world,
      worker,
      workers,
      batch,
      sample: sample === undefined ? undefined : this.#indices[sample],
      position: sample === undefined ? undefined : this.#first.position + sample,
      ordinal: sample === undefined ? undefined : this.#first.ordinal + sample,
      stage,
      cause,
      failure
    })
  }
}

/** A trace of the stack for each span would cost more than the span. */
const SPAN = { captureStackTrace: false } as const

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
const withNeighbours = (kept: Array<number>, left: Left): Array<number> => {
  const [first] = kept
  if (first === undefined) return kept
  let before = first
  const all = [...kept.map((row) => ({ row, left: false })), ...Array.from(left, (row) => ({ row, left: true }))]
  return all
    .toSorted((a, b) => a.row - b.row)
    .map((own) => {
      if (!own.left) before = own.row
      return before
    })
}

/** How many samples may be in the making at once, so that no stage has more of them than it was made for. */
const atOnce = (
  stages: ReadonlyArray<PlainStage | EffectStage>,
  dataset: Dataset<unknown, unknown, unknown>
): number => {
  const waiting = stages.filter((stage) => stage._tag === "Effect").map(({ concurrency }) => concurrency)
  return Math.min(...waiting, dataset instanceof Plain && waiting.length === 0 ? 1 : READ_AT_ONCE)
}

/** Where no stage says how many. */
const READ_AT_ONCE = 16

const isPlain = (stage: Stage): stage is PlainStage =>
  stage._tag === "Augment" || stage._tag === "Map" || stage._tag === "Filter"
