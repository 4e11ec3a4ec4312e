/**
 * Observers of builds, such as a profile or a tracer. They are called, and change nothing about the batch.
 *
 * @since 0.1.0
 */
import type { Work } from "./Work.ts"

/**
 * How a step runs: on whole columns of the dataset, in one pass over the samples of a batch together with its neighbors,
 * or by a call for each sample.
 *
 * @since 0.1.0
 */
export type Form = "columns" | "fused" | "samples"

/** Observes one batch. @since 0.1.0 */
export interface BatchObserver {
  /**
   * A step begins. Steps of a batch follow one another, they do not nest. `stages` are the names of its stages if each
   * sample goes through several of them before the next one starts.
   */
  readonly begin: (step: string, form?: Form, stages?: ReadonlyArray<string>) => void
  /** A sample enters a stage of such a step: the one at this place of `stages`. */
  readonly enter?: ((place: number) => void) | undefined
  /** The step that began last has ended. */
  readonly end: (failed: boolean) => void
  /** Changes what the effects of the step that began last find set around them, such as the span that theirs belong to. */
  readonly around?: <A, E>(rest: Work<A, E>) => Work<A, E>
}

/** @since 0.1.0 */
export interface Observer {
  /** A worker begins a batch. */
  readonly batch: (epoch: number, batch: number, worker: number) => BatchObserver
}

/** Returns an observer that calls all of them in turn; `undefined` if there are none. @since 0.1.0 */
export const together = (all: ReadonlyArray<Observer | undefined>): Observer | undefined => {
  const observers = all.filter((own) => own !== undefined)
  const [first] = observers
  if (first === undefined || observers.length === 1) return first
  return {
    batch: (epoch, batch, worker) => {
      const own = observers.map((one) => one.batch(epoch, batch, worker))
      const entered = own.filter(({ enter }) => enter !== undefined)
      return {
        begin: (step, form, stages) => {
          for (const one of own) one.begin(step, form, stages)
        },
        enter:
          entered.length === 0
            ? undefined
            : (place) => {
                for (const one of entered) one.enter?.(place)
              },
        end: (failed) => {
          for (const one of own) one.end(failed)
        },
        around: (rest) => own.reduce((work, one) => one.around?.(work) ?? work, rest)
      }
    }
  }
}
