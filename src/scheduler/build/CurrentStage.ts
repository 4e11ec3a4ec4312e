/**
 * The step, stage and row that is being built. It decides what observers are told, which rng stands in for ambient
 * randomness, and where an error is located.
 *
 * @since 0.1.0
 */

import * as Ambient from "../../patches/Ambient.ts"
import { forbiddenRng } from "../../random/ForbiddenRng.ts"
import type * as Rng from "../../random/Rng.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { BatchObserver, Form } from "./Observer.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { ensuring, TypedFailure, unwrapped, type Work } from "./Work.ts"

/** @since 0.1.0 */
export class CurrentStage implements Ambient.AtWork {
  readonly setting: Ambient.Setting
  readonly #rows: BatchRows
  readonly #binding: SeedBinding
  #observer: BatchObserver | undefined
  /** The name of the step that began last. */
  #step = "sample"
  #stage: SeededStage | undefined
  /** The stages of a step that each value goes through. */
  #walked: ReadonlyArray<SeededStage> | undefined
  /** Which of them it is at. A number: it is written for each stage and value, and a pointer costs the collector's attention. */
  place = 0
  /** The row of the batch that is being built. */
  row = 0
  #rng: Rng.Rng | undefined
  #derived: { readonly at: SeededStage; readonly row: number; readonly rng: Rng.Rng } | undefined

  constructor(rows: BatchRows, binding: SeedBinding, observer: BatchObserver | undefined) {
    this.setting = rows.runPlan.pipeline.ambient
    this.#rows = rows
    this.#binding = binding
    this.#observer = observer
  }

  /** Goes on to another batch. */
  reset(observer: BatchObserver | undefined): void {
    this.#observer = observer
    this.#step = "sample"
  }

  /** The name of the step that began last. */
  get step(): string {
    return this.#step
  }

  /** Whether somebody observes the batches. */
  get isObserved(): boolean {
    return this.#observer !== undefined
  }

  /** Who is told that a sample enters a stage of a step that has several, if anybody is. */
  get entered(): ((place: number) => void) | undefined {
    return this.#observer?.enter
  }

  /**
   * Does the work of a step, which is handed `of`: most steps need no closure of their own then. `stages` are the names of
   * its stages if samples go through several of them one by one.
   */
  run<X, A, E>(
    name: string,
    form: Form | undefined,
    work: (of: X) => Work<A, E>,
    of: X,
    stages?: ReadonlyArray<string>
  ): Work<A, E> {
    this.#step = name
    return this.#observer === undefined ? work(of) : this.#observed(this.#observer, name, form, work, of, stages)
  }

  #observed<X, A, E>(
    observer: BatchObserver,
    name: string,
    form: Form | undefined,
    work: (of: X) => Work<A, E>,
    of: X,
    stages: ReadonlyArray<string> | undefined
  ): Work<A, E> {
    observer.begin(name, form, stages)
    return ensuring(() => {
      const rest = work(of)
      return observer.around?.(rest) ?? rest
    }, observer.end)
  }

  /** Moves to a row of a stage that takes no rng. */
  enter(at: SeededStage, row: number): void {
    this.#stage = at
    this.row = row
  }

  /** Begins a step: {@link place} says at which of its stages it is, {@link row} at which row. */
  walk(stages: ReadonlyArray<SeededStage>): void {
    this.#walked = stages
    this.place = 0
  }

  get #at(): SeededStage | undefined {
    return this.#walked === undefined ? this.#stage : this.#walked[this.place]
  }

  /** Moves to a row of a stage, and returns the rng at its seed. */
  moveTo(at: SeededStage, row: number): Rng.Rng {
    this.#stage = at
    this.row = row
    return this.rngOf(at)
  }

  /** The rng of a stage at the seed of the row that was entered last. */
  rngOf(at: SeededStage): Rng.Rng {
    const rng = at.rng(this.row)
    this.#rng = rng
    return rng
  }

  /** Runs plain code, which is handed `x` and `y`; what it throws becomes the error of the stage and the row that it was at. */
  plain<X, Y>(run: (x: X, y: Y) => void, x: X, y: Y): void {
    const before = Ambient.enter(this)
    try {
      run(x, y)
    } catch (thrown) {
      if (TypedFailure.is(thrown)) throw thrown
      throw new TypedFailure(this.#rows.error(this.stage(), this.row, unwrapped(thrown)))
    } finally {
      Ambient.leave(before)
      this.#stage = undefined
      this.#walked = undefined
      this.#rng = undefined
      // Another attempt at a row derives from its beginning.
      this.#derived = undefined
    }
  }

  readonly stage = (): string => this.#at?.stage.id.name ?? "batch"
  readonly drawing = (): Rng.Rng | undefined => (this.#at?.stage.draws ? this.#rng : undefined)
  readonly derived = (): Rng.Rng => {
    const at = this.#at
    if (at === undefined) return forbiddenRng
    if (this.#derived?.at !== at || this.#derived.row !== this.row) {
      this.#derived = { at, row: this.row, rng: this.#binding.ambient(at, this.row) }
    }
    return this.#derived.rng
  }
}
