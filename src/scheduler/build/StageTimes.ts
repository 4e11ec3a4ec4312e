/**
 * Measures how long the steps of batches take.
 *
 * @since 0.1.0
 */
import type { BatchObserver, Form, Observer } from "./Observer.ts"

/** What one stage, or a few that run as one, took. @category models @since 0.1.0 */
export interface StageTime {
  /** The stage's name; of stages that are fused their names with `+` between. */
  readonly name: string
  readonly batches: number
  /** Milliseconds, over all batches and workers. Of stages that wait, the waiting is in it. */
  readonly milliseconds: number
  /** Its part of all stages' time, 0 … 1. */
  readonly share: number
  /**
   * How it ran: `"columns"`, on whole columns of the dataset; `"fused"`, image stages, one or several, in one pass over the
   * samples of a batch; or `"samples"`, by a call for each sample. Several if batches differ, as when a failed batch is attempted again. Empty for
   * steps that are not stages: reading, the sampler, the digest.
   */
  readonly forms: ReadonlyArray<Form>
}

/** An observer that adds up the time of each step. @since 0.1.0 */
export class StageTimes implements Observer {
  readonly #known = new Map<string, { milliseconds: number; batches: number; readonly forms: Set<Form> }>()

  batch(): BatchObserver {
    let name = ""
    let form: Form | undefined
    let began = 0
    /** Of a step of several stages: what each took that a sample has reached, and which one a sample is in. */
    let stages: ReadonlyArray<string> | undefined
    let took: Array<number | undefined> = []
    let place: number | undefined
    const left = (): void => {
      const now = performance.now()
      if (place !== undefined) took[place] = (took[place] ?? 0) + now - began
      began = now
    }
    const added = (stage: string, milliseconds: number): void =>
      form === undefined ? this.add(stage, milliseconds) : this.add(stage, milliseconds, form)
    return {
      begin: (step, own, several) => {
        name = step
        form = own
        stages = several
        took = []
        place = undefined
        began = performance.now()
      },
      enter: (next) => {
        left()
        place = next
      },
      end: () => {
        if (stages === undefined) return added(name, performance.now() - began)
        left()
        for (const [at, stage] of stages.entries()) {
          const own = took[at]
          if (own !== undefined) added(stage, own)
        }
      }
    }
  }

  add(name: string, milliseconds: number, ...forms: ReadonlyArray<Form>): void {
    let known = this.#known.get(name)
    if (known === undefined) {
      known = { milliseconds: 0, batches: 0, forms: new Set() }
      this.#known.set(name, known)
    }
    known.milliseconds += milliseconds
    known.batches++
    for (const form of forms) known.forms.add(form)
  }

  /** All of them; counting restarts from 0. */
  take(): ReadonlyArray<Measured> {
    const all = [...this.#known].map(([name, { forms, milliseconds }]): Measured => [name, milliseconds, ...forms])
    this.#known.clear()
    return all
  }

  get stages(): ReadonlyArray<StageTime> {
    let whole = 0
    for (const { milliseconds } of this.#known.values()) whole += milliseconds
    return [...this.#known].map(([name, { batches, forms, milliseconds }]) => ({
      name,
      batches,
      milliseconds,
      share: whole === 0 ? 0 : milliseconds / whole,
      forms: [...forms]
    }))
  }
}

/** The time of one step of a batch, and how it ran, as plain data. @since 0.1.0 */
export type Measured = readonly [name: string, milliseconds: number, ...forms: ReadonlyArray<Form>]
