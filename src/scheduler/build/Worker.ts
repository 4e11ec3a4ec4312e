/**
 * A worker builds batches. What it builds depends on the batch's number, the epoch and the seeds that it is given, never
 * on what it built before; under a policy that carries streams on, also on what was drawn from them.
 *
 * @since 0.1.0
 */
import type { Batch } from "../../pipeline/Batch.ts"
import type { ColumnMemory } from "../../pipeline/ColumnMemory.ts"
import { arena } from "../../wasm/Kernels.ts"
import { Output } from "../../wasm/Output.ts"
import { canLend, canLendColumns, compile, type Program } from "../plan/Program.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { BatchBuilder, type BuilderContext, type KeptSample } from "./BatchBuilder.ts"
import { CarriedStreams } from "./CarriedStreams.ts"
import { type ColumnPlan, planColumns } from "./ColumnBuilder.ts"
import { failFirst, type Limits, limits as limitsOf } from "./FailureRules.ts"
import type { Observer } from "./Observer.ts"
import type { RowRange } from "./RowRange.ts"
import type { AttemptError, BatchError } from "./StageError.ts"
import { andThen, catchError, TypedFailure, type Work } from "./Work.ts"

/** @since 0.1.0 */
export interface WorkerOptions {
  /** Whether its batches may lie in memory that is used again, as {@link Worker.output} lends it. Default `false`. */
  readonly lends?: boolean
  /** Memory that is used again, for columns; what batches take of it is {@link BatchBuilder.taken}. */
  readonly memory?: ColumnMemory
  /** Default: the first error ends the run. */
  readonly limits?: Limits
  readonly observer?: Observer | undefined
}

/**
 * One worker of a run.
 *
 * @since 0.1.0
 */
export class Worker implements BuilderContext {
  readonly runPlan: RunPlan
  readonly number: number
  readonly limits: Limits
  readonly observer: Observer | undefined
  readonly program: Program
  /** Where its batches lie, as far as they lie in memory that kernels can reach. */
  readonly output: Output
  readonly streams: CarriedStreams | undefined
  readonly columns: ColumnPlan | undefined
  readonly memory: ColumnMemory | undefined
  #idle: BatchBuilder | undefined

  constructor(
    runPlan: RunPlan,
    number: number,
    { lends = false, limits = limitsOf(failFirst), memory, observer }: WorkerOptions = {}
  ) {
    const carries = runPlan.policy?.carries
    this.runPlan = runPlan
    this.number = number
    this.limits = limits
    this.observer = observer
    this.streams = carries === undefined ? undefined : new CarriedStreams(carries)
    const compiled = (output: Output): Program =>
      compile(runPlan.pipeline.stages, {
        output,
        behind: new Output(undefined, false),
        inOrder: carries !== undefined
      })
    const copying = new Output(arena(), false)
    const program = compiled(copying)
    this.output = lends && canLend(program) ? new Output(arena(), true) : copying
    this.program = this.output === copying ? program : compiled(this.output)
    this.columns = planColumns(runPlan.pipeline, this.program)
    this.memory = canLendColumns(program) ? memory : undefined
  }

  /** What builds some rows of a batch, attempt by attempt. */
  builder(range: RowRange): BatchBuilder {
    const idle = this.#idle
    if (idle === undefined) return new BatchBuilder(this, range)
    this.#idle = undefined
    idle.reset(range)
    return idle
  }

  /** Takes back a builder whose batch is built, to build another one. One that failed, or was interrupted, is left alone. */
  done(builder: BatchBuilder): void {
    this.#idle = builder
  }

  /** Builds a batch in one attempt; gives `undefined` if nothing of it is left. */
  batch(range: RowRange): Work<Batch<unknown> | undefined, BatchError> {
    return once(() => {
      const builder = this.builder(range)
      return andThen(builder.build(), (batch) => {
        this.done(builder)
        return batch
      })
    })
  }

  /** Makes the sample at a position of a batch as it would enter it; gives `undefined` if a filter leaves it out. */
  sample(range: RowRange, position: number): Work<KeptSample | undefined, BatchError> {
    return once(() => {
      // Streams that are carried on stand at this sample only behind those before it in its batch.
      const from = this.streams === undefined ? position : range.position
      const ordinal = range.ordinal + from - range.position
      return this.builder({ ...range, position: from, size: position - from + 1, ordinal }).sample()
    })
  }
}

/** The outcome of the only attempt: of samples that failed, the first one's error. */
const once = <A>(attempt: () => Work<A, AttemptError>): Work<A, BatchError> =>
  catchError(attempt, (error: AttemptError) => {
    throw new TypedFailure(error._tag === "SamplesFailed" ? error.errors[0] : error)
  })
