/**
 * The runs that a service has open, and who reads them.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import { InvalidOption } from "../core/InvalidOption.ts"
import { plural } from "../core/Plural.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import type * as Workers from "../scheduler/backends/Workers.ts"
import type * as Cursor from "../scheduler/loader/Cursor.ts"
import type { Loader } from "../scheduler/loader/Loader.ts"
import * as Scheduler from "../scheduler/loader/Scheduler.ts"
import { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { type Frame, placeOf } from "./Frame.ts"
import { Openings } from "./Openings.ts"
import { type CheckedSpec, type Defaults, policyOf } from "./RunSpec.ts"
import { SharedRun, type Step } from "./SharedRun.ts"

/** A pipeline that a service has, whatever its batches hold. @since 0.1.0 */
export type ServedPipeline = Pipeline<Batch<unknown>, unknown, unknown>

/**
 * Where a service builds the batches of a run that has so many workers, by the name of its pipeline.
 *
 * @category options
 * @since 0.1.0
 */
export type WorkersOf = (workers: number, pipeline: string) => Layer.Layer<Workers.Workers, InvalidOption>

/** Bounds of a service. @category options @since 0.1.0 */
export interface Limits {
  /** Runs that are open at once. */
  readonly runs: number
  /** Bytes of batches that each of them keeps for trainers that follow the first. */
  readonly windowBytes: number
  /** Milliseconds after which a run without readers is closed. */
  readonly idle: number
}

/**
 * A service has as many open runs as it may have.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooManyRuns extends Data.TaggedError("TooManyRuns")<{
  readonly runs: number
  /** The world size of the run that is one too many, if there may not be as many runs: each rank is one. */
  readonly world?: number
}> {
  override get message(): string {
    const { runs, world } = this
    const open = `${plural(runs, "run")} ${runs === 1 ? "is" : "are"} open, as many as this service may have`
    if (world === undefined) return `${open} (its option runs, --runs of serve.ts); try again when one has ended`
    return `${open}, and each of the ${world} ranks of this run is one: start the service with \`runs\` of ${world} or more (--runs of serve.ts)`
  }
}

/** A run that is open. */
interface Held {
  readonly key: string
  readonly name: string
  readonly shared: SharedRun
  /** With what its trainer asked for its start; see {@link askedWith}. */
  readonly asked: string
  readonly scope: Scope.CloseableScope
  /** When its last reader left. */
  idleSince: number
}

/** What a service reports of an open run. @category models @since 0.1.0 */
export interface Told {
  readonly run: string
  readonly pipeline: string
  readonly readers: number
  readonly batches: number
  readonly samples: number
  readonly bytes: number
}

/** The pipelines and services that runs are opened with. @since 0.1.0 */
export interface Services {
  readonly pipelines: ReadonlyMap<string, ServedPipeline>
  readonly workers: number
  readonly workersOf: WorkersOf
  /** What the pipelines require beside a policy. */
  readonly context: Context.Context<never>
  readonly limits: Limits
}

/** @since 0.1.0 */
export class Runs {
  readonly #services: Services
  readonly #scope: Scope.Scope
  readonly #runtime: Runtime.Runtime<never>
  readonly #held = new Set<Held>()
  readonly #openings: Openings<Held>
  #built = 0
  #samples = 0
  #opened = 0

  private constructor(services: Services, scope: Scope.Scope, runtime: Runtime.Runtime<never>) {
    this.#services = services
    this.#scope = scope
    this.#runtime = runtime
    this.#openings = new Openings(scope)
  }

  /** Runs that live as long as the scope. */
  static make(services: Services): Effect.Effect<Runs, never, Scope.Scope> {
    return Effect.gen(function* () {
      const runs = new Runs(services, yield* Effect.scope, yield* Effect.runtime<never>())
      // A service can be opened where interrupts wait, as in a step of `forEach`: what it does itself must be ended all the same.
      yield* Effect.forkScoped(Effect.interruptible(Effect.forever(Effect.delay(runs.#sweep, SWEEP))))
      return runs
    })
  }

  get told(): ReadonlyArray<Told> {
    return Array.from(this.#held, ({ key, name, shared }) => ({
      run: key,
      pipeline: name,
      readers: shared.readers.size,
      batches: shared.built,
      samples: shared.samples,
      bytes: shared.bytes
    }))
  }

  /** Counts over all runs, also those that are closed. */
  get counts(): { readonly opened: number; readonly batches: number; readonly samples: number } {
    let [batches, samples] = [this.#built, this.#samples]
    for (const { shared } of this.#held) {
      batches += shared.built
      samples += shared.samples
    }
    return { opened: this.#opened, batches, samples }
  }

  /** What runs need not say: the only pipeline, and the number of workers. */
  get defaults(): Defaults {
    const { pipelines, workers } = this.#services
    const [only] = pipelines.keys()
    return { workers, ...(only === undefined || pipelines.size > 1 ? {} : { pipeline: only }) }
  }

  /** The name and the pipeline that a run asks for. Throws `InvalidOption`. */
  pipelineOf({ pipeline, seed }: CheckedSpec): readonly [string, ServedPipeline] {
    const { pipelines } = this.#services
    const names = [...pipelines.keys()]
    const name = pipeline ?? this.defaults.pipeline
    const own = name === undefined ? undefined : pipelines.get(name)
    if (name === undefined || own === undefined) {
      throw new InvalidOption({ option: "pipeline", value: pipeline, expected: `one of ${names.join(", ")}` })
    }
    if (seed === undefined && own.stages.some(({ draws }) => draws)) {
      const expected = "given, such as 42: this pipeline draws random numbers"
      throw new InvalidOption({ option: "seed", value: seed, expected })
    }
    return [name, own]
  }

  /**
   * The run in which `reader` continues from a cursor, or starts: an open one that still has that place, else one that is
   * opened there, for all who ask for the same until it is open. The reader is counted as one of the run's until it leaves,
   * which it must also do if this fails or is interrupted.
   */
  join(spec: CheckedSpec, from: Cursor.Cursor | undefined, reader: object): Effect.Effect<Joined, unknown> {
    // What is begun to open must be opened, or given up, also if this reader is interrupted.
    return Effect.flatten(Effect.uninterruptible(Effect.suspend(() => this.#joined(spec, from, reader))))
  }

  /** What to wait for. It is decided in one go, since other requests have their turn wherever an effect is run. */
  #joined(
    spec: CheckedSpec,
    from: Cursor.Cursor | undefined,
    reader: object
  ): Effect.Effect<Effect.Effect<Joined, unknown>, unknown> {
    const own = this.#find(spec, from)
    if (own !== undefined) {
      own.shared.readers.add(reader)
      return Effect.succeed(Effect.succeed(own))
    }
    // A run that is opened at a cursor may have another one there: another end, a digest, other workers.
    const asStarted = Effect.map(({ shared }: Held) => ({ shared, at: shared.start }))
    const key = `${spec.key} ${askedWith(spec, from)}`
    const opened = this.#openings.join(key, reader)
    if (opened !== undefined) return Effect.succeed(asStarted(opened))
    try {
      const open = this.#open(this.pipelineOf(spec), spec, from)
      this.#clear()
      this.#makeRoom(spec)
      const started = this.#openings.start(key, reader, open, (held, readers) => {
        for (const one of readers) held.shared.readers.add(one)
        this.#opened++
        this.#held.add(held)
      })
      return Effect.map(started, asStarted)
    } catch (error) {
      return Effect.fail(error)
    }
  }

  /** Notes that a reader has left its run, or waits for none any more. */
  leave(reader: object): Effect.Effect<void> {
    return Effect.map(Clock.currentTimeMillis, (now) => {
      for (const held of this.#held) {
        if (held.shared.readers.delete(reader)) held.idleSince = now
      }
      this.#clear()
      this.#openings.leave(reader, now)
    })
  }

  #find(spec: CheckedSpec, from: Cursor.Cursor | undefined): Joined | undefined {
    const asked = askedWith(spec, from)
    for (const { asked: own, key, shared } of this.#held) {
      if (key !== spec.key || shared.isSpent) continue
      if (from !== undefined && shared.has(placeOf(from))) return { shared, at: from }
      if (own === asked && shared.has(placeOf(shared.start))) return { shared, at: shared.start }
    }
    return undefined
  }

  /** Only what opens the loader can be interrupted. */
  #open(
    [name, pipeline]: readonly [string, ServedPipeline],
    spec: CheckedSpec,
    from: Cursor.Cursor | undefined
  ): Effect.Effect<Held, unknown> {
    return Effect.gen(this, function* () {
      const scope = yield* Scope.fork(this.#scope, ExecutionStrategy.sequential)
      const opening = Effect.interruptible(Scope.extend(this.#loader(name, pipeline, spec, from), scope))
      const loader = yield* Effect.onError(opening, () => Scope.close(scope, Exit.void))
      const start = yield* loader.cursor
      const { windowBytes } = this.#services.limits
      const shared = new SharedRun(loader, start, { runtime: this.#runtime, scope, windowBytes })
      // Those who waited for it may all have left.
      const idleSince = yield* Clock.currentTimeMillis
      return { key: spec.key, name, shared, asked: askedWith(spec, from), scope, idleSince }
    })
  }

  #loader(name: string, pipeline: ServedPipeline, spec: CheckedSpec, from: Cursor.Cursor | undefined) {
    const { allow, digest, epoch, epochs, rank, steps, uneven, world, workers } = spec
    const { context, workers: usual, workersOf } = this.#services
    const range = epochs === undefined ? (epoch === undefined ? {} : { epoch }) : { epochs }
    const options = {
      ...range,
      ...(from === undefined ? {} : { from }),
      ...(rank === undefined ? {} : { rank }),
      ...(world === undefined ? {} : { world }),
      ...(uneven === undefined ? {} : { uneven }),
      ...(steps === undefined ? {} : { steps }),
      ...(allow === undefined ? {} : { allow }),
      digest: digest ?? false,
      lend: true,
      replay: true
    }
    return Effect.gen(function* () {
      const policy = yield* policyOf(spec)
      const own = yield* Layer.build(workersOf(workers ?? usual, name))
      // What they require stands in `context`, or shows as a missing service; the options are checked when the run is opened.
      const opened = Scheduler.open(pipeline, options as Scheduler.Options) as Effect.Effect<
        Loader<unknown, unknown>,
        unknown,
        SeedPolicy | Scope.Scope
      >
      return yield* opened.pipe(Effect.provideService(SeedPolicy, policy), Effect.provide(own), Effect.provide(context))
    })
  }

  /** Makes room for one more run: the one that has been without readers for longest is closed. Throws `TooManyRuns`. */
  #makeRoom({ world = 1 }: CheckedSpec): void {
    const { runs } = this.#services.limits
    const all = this.#held.size + this.#openings.size
    if (all < runs) return
    const [idle] = Array.from(this.#held)
      .filter(({ shared }) => shared.readers.size === 0)
      .toSorted((one, other) => one.idleSince - other.idleSince)
    // One that is being opened leaves its place once its resources are released: for the next request.
    if (idle === undefined) {
      Runtime.runFork(this.#runtime)(this.#openings.giveUpOne)
      throw new TooManyRuns({ runs: all, ...(world > runs ? { world } : {}) })
    }
    this.#close(idle)
  }

  readonly #sweep: Effect.Effect<void> = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const since = now - this.#services.limits.idle
    this.#closeThose(({ idleSince }) => idleSince <= since)
    return this.#openings.giveUp(since)
  })

  /** Closes runs that have failed, once their readers were told or have left: nobody can join them. */
  #clear(): void {
    this.#closeThose(({ shared }) => shared.isSpent)
  }

  /** Closes runs without readers. */
  #closeThose(which: (held: Held) => boolean): void {
    for (const held of this.#held) if (held.shared.readers.size === 0 && which(held)) this.#close(held)
  }

  /** Takes a run from the open ones at once, so that nobody joins it, and closes it. */
  #close(held: Held): void {
    this.#held.delete(held)
    this.#built += held.shared.built
    this.#samples += held.shared.samples
    const closed = Effect.catchAllCause(Scope.close(held.scope, Exit.void), (cause) =>
      Effect.logWarning(`the run ${held.key} of pipeline "${held.name}" could not be closed as it should`, cause)
    )
    // Its finalizers must not delay the next request or the next closing; the service itself waits for them.
    Runtime.runFork(this.#runtime)(Effect.uninterruptible(closed), { scope: this.#scope })
  }
}

/** A run, and the cursor at which it is joined, as the run itself says it. */
interface Joined {
  readonly shared: SharedRun
  readonly at: Cursor.Cursor
}

/** Runs of one key that are asked for with the same begin at the same place. */
const askedWith = ({ allow = [] }: CheckedSpec, from: Cursor.Cursor | undefined): string =>
  from === undefined ? "" : `${placeOf(from)} ${allow.toSorted().join()}`

type Begin = Extract<Frame, { readonly kind: "begin" }>

/** How often runs without readers are looked for. */
const SWEEP = "1 second"

/** A trainer's way through a run: from one batch to the next, wherever they are built. @since 0.1.0 */
export class Reader {
  readonly #runs: Runs
  readonly #spec: CheckedSpec
  #cursor: Cursor.Cursor | undefined
  #shared: SharedRun | undefined

  constructor(runs: Runs, spec: CheckedSpec, from: Cursor.Cursor | undefined) {
    this.#runs = runs
    this.#spec = spec
    this.#cursor = from
  }

  /** Joins a run at its place, and returns how its stream begins. Fails with the reason if that is not possible. */
  readonly open: Effect.Effect<Begin, unknown> = Effect.suspend(() =>
    Effect.map(this.#runs.join(this.#spec, this.#cursor, this), ({ at, shared }) => {
      this.#shared = shared
      this.#cursor = at
      return { kind: "begin", cursor: at, batches: shared.batches ?? null }
    })
  )

  /** The next step; the last one is the end or an error. */
  readonly next: Effect.Effect<Step, unknown> = Effect.suspend(() => {
    const shared = this.#shared
    if (shared === undefined) return Effect.zipRight(this.open, this.next)
    return Effect.flatMap(shared.at(placeOf(this.#cursor ?? shared.start)), (step) => {
      // Its place is no longer kept: a run of its own continues from there.
      if (step === undefined) return Effect.zipRight(this.leave, this.next)
      return Effect.succeed(this.#given(step, shared))
    })
  })

  /** The next step, if it is ready, without an effect. */
  ready(): Step | undefined {
    const shared = this.#shared
    const step = this.#cursor === undefined ? undefined : shared?.ready(placeOf(this.#cursor))
    return step === undefined || shared === undefined ? undefined : this.#given(step, shared)
  }

  #given(step: Step, shared: SharedRun): Step {
    this.#cursor = step.cursor
    if (step.isError) shared.told(this)
    return step
  }

  /** Must be run at the end, however it ends. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() => {
    this.#shared = undefined
    return this.#runs.leave(this)
  })
}
