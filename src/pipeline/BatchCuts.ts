/**
 * How a batch stage may cut an epoch into batches of varying size: an interface of the batch stage, and cuts by a budget.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import type { Parameters } from "../core/Parameters.ts"

/** The positions of one batch, over all ranks. @since 0.1.0 */
export interface Cut {
  readonly position: number
  readonly size: number
}

/** The batches of one epoch. @since 0.1.0 */
export interface EpochCuts {
  /**
   * Returns the positions of the batch of a number; `undefined` if the epoch ends before it. A pure function: the same
   * number gives the same cut, whatever was asked before. No batch is empty, and none lies between others that are not there.
   */
  readonly at: (batch: number) => Cut | undefined
}

/** The part of an epoch that is to be cut. @since 0.1.0 */
export interface Extent {
  readonly epoch: number
  /** The first position to be cut: batch 0 begins here. */
  readonly from: number
  /** How many positions the epoch has. */
  readonly count: number
  /** The most samples of a batch. */
  readonly size: number
  /** The epoch's order, from position to dataset index. */
  readonly order: () => (position: number) => number
}

/**
 * Cuts epochs into batches: bucketing, budgets, an end that is found on the way. A batch stage that has one ignores the
 * uniform size, except as the most samples of a batch.
 *
 * @since 0.1.0
 */
export interface BatchCuts {
  readonly name: string
  /** What the cuts depend on; cursors compare it. */
  readonly parameters: Parameters
  /** Cuts what is left of an epoch. Every rank, worker and resumed run gets the same cuts from the same extent. */
  readonly cut: (extent: Extent) => EpochCuts
}

/** A budget for each batch. @since 0.1.0 */
export interface Budget {
  /** The most that the samples of a batch may cost together, such as bytes. */
  readonly most: number
  /** What a sample of the dataset costs, 0 or more, by its index. */
  readonly cost: (index: number) => number
  /**
   * What becomes of a sample that costs more than `most`: `"alone"` makes it a batch of its own, `"error"` fails with
   * `InvalidOption`.
   */
  readonly oversized: "alone" | "error"
  /** What `cost` depends on. */
  readonly parameters?: Parameters
}

/**
 * Batches that end at the stage's size or at a budget, whichever comes first. An epoch's costs are read once, in the
 * epoch's order, up to the batch that is asked for.
 *
 * @since 0.1.0
 */
export const byBudget = ({ cost, most, oversized, parameters = {} }: Budget): BatchCuts => ({
  name: "byBudget",
  parameters: { most, oversized, cost: parameters },
  cut: ({ count, from, order: ordered, size }) => {
    const order = ordered()
    /** Where each batch begins, and where the last known one ends. */
    const starts = [from]
    const costAt = (position: number): number => {
      const index = order(position)
      const own = cost(index)
      if (!(own >= 0 && own < Number.POSITIVE_INFINITY)) {
        throw new InvalidOption({ option: `the cost of sample ${index}`, value: own, expected: "a finite number ≥ 0" })
      }
      return own
    }
    /** The end of the batch that begins at a position. */
    const endOf = (start: number): number => {
      let sum = costAt(start)
      if (sum > most && oversized === "error") {
        const expected = `at most the budget of a batch, ${most}; or take "alone" for samples that exceed it`
        throw new InvalidOption({ option: `the cost of sample ${order(start)}`, value: sum, expected })
      }
      let end = start + 1
      while (end < count && end - start < size) {
        sum += costAt(end)
        if (sum > most) break
        end++
      }
      return end
    }
    return {
      at: (batch) => {
        whole("batch", batch, 0)
        while (starts.length <= batch + 1) {
          const start = starts[starts.length - 1] as number // never empty
          if (start >= count) return undefined
          starts.push(endOf(start))
        }
        const [position, end] = [starts[batch] as number, starts[batch + 1] as number] // known by now
        return { position, size: end - position }
      }
    }
  }
})
