/**
 * Runs effectful stages. Several rows are in one at once: each has a generator and a context of its own.
 *
 * @since 0.1.0
 */

import * as Ambient from "../../patches/Ambient.ts"
import type { StageContext } from "../../pipeline/Stage.ts"
import { batchOf } from "../../pipeline/StageResult.ts"
import { forbiddenRng } from "../../random/ForbiddenRng.ts"
import type * as Rng from "../../random/Rng.ts"
import type { EffectStage } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import type { StageError } from "./StageError.ts"
import { all, andThen, around, fromEffect, type Later, type Work } from "./Work.ts"

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
  run(stage: EffectStage, at: SeededStage): Work<void, StageError> {
    const rows = this.#rows
    const { values } = rows
    const atWork = values.map((_, place) => this.#atWork(at, rows.rowOf(place)))
    const results = all<unknown, unknown, StageError>(
      values.length,
      stage.concurrency,
      (place) => this.#ran(stage, atWork[place] as Ambient.AtWork, values[place], rows.rowOf(place)), // one for each value
      (place, { cause, failure }) => {
        const row = rows.rowOf(place)
        rows.fail(row, rows.error(stage.id.name, row, cause, failure))
      },
      (place) => Ambient.starting(atWork[place] as Ambient.AtWork) // one for each value
    )
    return andThen(around(results, Ambient.services), (made) => {
      this.#current.plain(
        () => {
          this.#current.enter(at, 0)
          rows.values = rows.scope === "batch" ? made.map((value) => batchOf(value, rows.label)) : made
        },
        undefined,
        undefined
      )
      rows.dropFailed()
    })
  }

  /** Runs a stage over the value of one row, and gives what it returns. */
  runOne(stage: EffectStage, at: SeededStage, value: unknown, row: number): Later<unknown, unknown> {
    const atWork = this.#atWork(at, row)
    return around(this.#ran(stage, atWork, value, row), (effect) => Ambient.services(Ambient.effect(atWork, effect)))
  }

  /** The effect of the stage at a row. */
  #ran(stage: EffectStage, atWork: Ambient.AtWork, value: unknown, row: number): Later<unknown, unknown> {
    const { indices, runPlan, ordinal, range, worker } = this.#rows
    const { rank, workers, world } = runPlan.plan
    const { batch, epoch, position } = range
    const context: StageContext = {
      epoch,
      rank,
      world,
      worker,
      workers,
      batch,
      ordinal: ordinal + row,
      position: position + row,
      index: indices[row] as number // a row of the batch
    }
    Object.freeze(context)
    return fromEffect(() => Ambient.plain(atWork, () => stage.run(value, atWork.drawing() ?? forbiddenRng, context)))
  }

  /** The stage at a row, for ambient randomness. */
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
