/**
 * Runs effectful stages. Several rows are in one at once: each has a generator and a context of its own.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { concurrent } from "../../core/Concurrent.ts"
import * as Ambient from "../../patches/Ambient.ts"
import type { StageContext } from "../../pipeline/Stage.ts"
import type * as Rng from "../../random/Rng.ts"
import type { EffectStage } from "../plan/Steps.ts"
import type { AttemptError } from "./Attempt.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import { errorOfCause, failingAlone, located } from "./ErrorLocation.ts"
import { idle } from "./ForbiddenRng.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import type { StageError } from "./StageError.ts"
import { batchOf } from "./StageResult.ts"
import { suspended, type Work } from "./Work.ts"

/** @since 0.1.0 */
export class EffectStages {
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  readonly #current: CurrentStage

  constructor(rows: BatchRows, binding: SeedBinding, current: CurrentStage) {
    this.#rows = rows
    this.#binding = binding
    this.#current = current
  }

  /** Runs a stage over all values, as many at once as the stage allows. */
  run(stage: EffectStage, at: SeededStage): Work<AttemptError> {
    const rows = this.#rows
    const { values } = rows
    const { name } = stage.id
    const atWork = values.map((_, place) => this.#atWork(at, rows.rowOf(place)))
    const alone = rows.careful && rows.scope === "sample"
    const work = concurrent(
      values.length,
      stage.concurrency,
      (place) => {
        const row = rows.rowOf(place)
        const ran = this.#ran(stage, atWork[place] as Ambient.AtWork, values[place], row) // one for each value
        return alone ? failingAlone(rows, name, row, ran) : ran
      },
      (place, cause) =>
        alone
          ? (cause as Cause.Cause<StageError>) // what `failingAlone` fails with
          : Cause.fail(errorOfCause(rows, name, rows.rowOf(place), cause)),
      (place) => Ambient.starting(atWork[place] as Ambient.AtWork) // one for each value
    )
    return Effect.flatMap(Ambient.services(work), (made) =>
      suspended<StageError>(() => {
        this.#current.plain(() => {
          this.#current.moveTo(at, 0)
          rows.values = rows.scope === "batch" ? made.map((value) => batchOf(value, rows.label)) : made
        })
        rows.dropFailed()
        return undefined
      })
    )
  }

  /** Runs a stage over the value of one row, and gives what it returns. */
  runOne(
    stage: EffectStage,
    at: SeededStage,
    value: unknown,
    row: number
  ): Effect.Effect<unknown, StageError, unknown> {
    const atWork = this.#atWork(at, row)
    const work = Effect.suspend(() => this.#ran(stage, atWork, value, row))
    return Ambient.services(Ambient.effect(atWork, work).pipe(located(this.#rows, stage.id.name, row)))
  }

  /** The effect of the stage at a row. */
  #ran(
    stage: EffectStage,
    atWork: Ambient.AtWork,
    value: unknown,
    row: number
  ): Effect.Effect<unknown, unknown, unknown> {
    const { indices, runPlan, ordinal, place, program } = this.#rows
    const { rank, workers, world } = runPlan.plan
    const { batch, epoch, position } = place
    const context: StageContext = {
      epoch,
      rank,
      world,
      worker: program.worker,
      workers,
      batch,
      ordinal: ordinal + row,
      position: position + row,
      index: indices[row] as number // a row of the batch
    }
    try {
      return stage.run(value, atWork.drawing() ?? idle, Object.freeze(context))
    } catch (thrown) {
      // Effect checks whether what is thrown within it is an effect, and a Proxy may answer that by throwing again.
      return Effect.failCause(Cause.die(thrown))
    }
  }

  /** The stage at a row, as ambient randomness goes by it. */
  #atWork(at: SeededStage, row: number): Ambient.AtWork {
    const rng = at.stage.draws && at.seeds !== undefined ? this.#binding.fresh(at, row) : undefined
    let derived: Rng.Rng | undefined
    return {
      setting: this.#current.setting,
      stage: () => at.stage.id.name,
      drawing: () => rng,
      derived: () => {
        derived ??= this.#binding.ambient(at, row)
        return derived
      }
    }
  }
}
