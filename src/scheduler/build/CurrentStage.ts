/**
 * The stage and the row that a batch's plain code is at: ambient randomness and errors go by them.
 *
 * @since 0.1.0
 */

import * as Ambient from "../../patches/Ambient.ts"
import type * as Rng from "../../random/Rng.ts"
import type { BatchRows } from "./BatchRows.ts"
import { errorOf, unwrapped } from "./ErrorLocation.ts"
import { idle } from "./ForbiddenRng.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { watched } from "./Watched.ts"
import { Failing, type Work } from "./Work.ts"

/** @since 0.1.0 */
export class CurrentStage implements Ambient.AtWork {
  readonly setting: Ambient.Setting
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  /** The name of the step that began last. */
  #step = "sample"
  #at: SeededStage | undefined
  #row = 0
  #rng: Rng.Rng | undefined
  #derived: { readonly at: SeededStage; readonly row: number; readonly rng: Rng.Rng } | undefined

  constructor(rows: BatchRows, binding: SeedBinding) {
    this.setting = rows.runPlan.pipeline.ambient
    this.#rows = rows
    this.#binding = binding
  }

  /** The name of the step that began last. */
  get step(): string {
    return this.#step
  }

  /** Notes that a step begins. */
  begin(name: string): void {
    this.#step = name
  }

  /** Runs the work of a step: timed and traced if the run is watched. */
  watched<E>(name: string, work: () => Work<E>): Work<E> {
    return watched(this.#rows.runPlan.watch, name, () => {
      this.#step = name
      return work()
    })
  }

  /** Moves to a row of a stage, and returns the rng at its seed. */
  moveTo(at: SeededStage, row: number): Rng.Rng {
    this.#at = at
    this.#row = row
    const rng = at.rng(row)
    this.#rng = rng
    return rng
  }

  /** Leaves the stage; until the next one, errors are those of `batch`. */
  leave(): void {
    this.#at = undefined
  }

  /** Runs plain code; what it throws becomes the error of the stage and the row that it was at. */
  plain(run: () => void): void {
    try {
      Ambient.plain(this, run)
    } catch (thrown) {
      if (Failing.is(thrown)) throw thrown
      throw new Failing(errorOf(this.#rows, this.stage(), this.#row, unwrapped(thrown)))
    } finally {
      this.#at = undefined
      this.#rng = undefined
    }
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
}
