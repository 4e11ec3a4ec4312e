/**
 * Builds a batch as whole columns, where the program has a {@link TablePlan}.
 *
 * @since 0.1.0
 */
import { IndexError } from "../../sources/RandomAccess.ts"
import { nameOf } from "../loader/Profile.ts"
import type { AttemptError } from "./Attempt.ts"
import type { BatchRows } from "./BatchRows.ts"
import { Table, type TablePlan } from "./ColumnBuilder.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import { errorOf } from "./ErrorLocation.ts"
import type { SeedBinding, SeededStage } from "./SeedBinding.ts"
import { traced } from "./Watched.ts"
import { Failing, type Work } from "./Work.ts"

/**
 * Whether whole columns will do: where another attempt may follow, a function of the user's is called sample by sample.
 *
 * @since 0.1.0
 */
export const columnsFit = ({ careful }: BatchRows, { steps }: TablePlan): boolean =>
  !(careful && steps.some(({ fused }) => fused.custom))

/**
 * Builds the batch as columns. Where another attempt may follow, `otherwise` is run in its place if that fails.
 *
 * @since 0.1.0
 */
export const buildColumns = (
  rows: BatchRows,
  binding: SeedBinding,
  current: CurrentStage,
  plan: TablePlan,
  otherwise: () => Work<AttemptError>
): Work<AttemptError> =>
  traced<AttemptError>(rows.runPlan.watch, nameOfAll(plan), () => {
    binding.bind(rows.program.stages, "sample")
    if (!rows.careful) {
      build(rows, binding, current, plan)
      return undefined
    }
    const { mark } = binding
    try {
      build(rows, binding, current, plan)
      return undefined
    } catch (thrown) {
      if (!Failing.is(thrown)) throw thrown
      // No function of the user's has been called, so each sample can be made alone to see which ones fail.
      binding.rewind(mark)
      return otherwise()
    }
  })

const build = (rows: BatchRows, binding: SeedBinding, current: CurrentStage, plan: TablePlan): void => {
  const { enter, times } = rows.runPlan.watch
  const begin = (name: string): void => {
    current.begin(name)
    enter?.(name)
  }
  const ended = (name: string, started: number): number => {
    if (times === undefined) return 0
    const now = performance.now()
    times.add(name, now - started)
    return now
  }
  checkIndices(rows)
  current.plain(() => {
    const table = new Table(plan, rows.indices)
    let started = times === undefined ? 0 : performance.now()
    for (const step of plan.steps) {
      const own = step.stages.map((stage) => binding.of(stage))
      begin(nameOf(step))
      table.run(step.fused, {
        at: (stage, row) => current.moveTo(own[stage] as SeededStage, row), // as many as the step has stages
        of: (stage) => (own[stage] as SeededStage).rng // as above
      })
      started = ended(current.step, started)
    }
    current.leave()
    rows.scope = "batch"
    begin(plan.batch.id.name)
    rows.collated(table.columns(), rows.indices.length)
    ended(current.step, started)
  })
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
    throw new Failing(errorOf(rows, "dataset", row, cause, cause))
  }
}

const nameOfAll = ({ batch, steps }: TablePlan): string =>
  [...steps.flatMap(({ stages }) => stages), batch].map(({ id }) => id.name).join(" + ")
