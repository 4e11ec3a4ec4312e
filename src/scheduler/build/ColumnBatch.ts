/**
 * Builds a batch as whole columns, where the program allows it.
 *
 * @since 0.1.0
 */

import { IndexError } from "../../sources/RandomAccess.ts"
import { nameOf } from "../plan/Program.ts"
import type { BatchRows } from "./BatchRows.ts"
import { ColumnBuilder, type ColumnPlan } from "./ColumnBuilder.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { TypedFailure } from "./Work.ts"

/**
 * Whether whole columns will do: where another attempt may follow, a function of the user's is called sample by sample.
 *
 * @since 0.1.0
 */
export const columnsFit = ({ careful }: BatchRows, { steps }: ColumnPlan): boolean =>
  !(careful && steps.some(({ fused }) => fused.userCode))

/**
 * Builds the batch as columns. Where another attempt may follow, it returns `false` instead of throwing: no function of the
 * user's has been called, so each sample can be made alone to see which ones fail.
 *
 * @since 0.1.0
 */
export const buildColumns = (
  rows: BatchRows,
  binding: SeedBinding,
  current: CurrentStage,
  plan: ColumnPlan
): boolean => {
  const { mark } = binding
  const seeded = plan.steps.map(({ stages }) => binding.bind(stages, "sample"))
  try {
    checkIndices(rows)
    const columns = new ColumnBuilder(plan, rows.indices)
    for (const [place, step] of plan.steps.entries()) {
      const own = seeded[place] as ReadonlyArray<SeededStage> // one for each step
      const rngs = {
        at: (stage: number, row: number) => current.moveTo(own[stage] as SeededStage, row), // as many as the step has stages
        of: (stage: number) => (own[stage] as SeededStage).rng // as above
      }
      current.run(nameOf(step), "columns", () => current.plain(() => columns.run(step.fused, rngs)))
    }
    rows.scope = "batch"
    current.run(plan.batch.id.name, "columns", () =>
      current.plain(() => rows.collated(columns.columns(), rows.indices.length))
    )
    return true
  } catch (thrown) {
    if (!rows.careful || !TypedFailure.is(thrown)) throw thrown
    binding.rewind(mark)
    return false
  }
}

/** Checks the sampler's indices, since columns do not. */
const checkIndices = (rows: BatchRows): void => {
  const { indices, runPlan } = rows
  const { dataset } = runPlan.pipeline
  const { size } = runPlan
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row] as number // below the length
    if (index >= 0 && index < size && Number.isInteger(index)) continue
    const cause = new IndexError({ dataset: dataset.name, index, size })
    throw new TypedFailure(rows.error("dataset", row, cause, cause))
  }
}
