/**
 * Tells a dataset in which windows of blocks a run reads it.
 *
 * @since 0.1.0
 */
import { descriptionOf } from "../../core/MadeFor.ts"
import type { RunPlan } from "./RunPlan.ts"

/** Tells the dataset of a run in which windows of blocks it is read. Returns what there is to warn of. @since 0.1.0 */
export const tellWindows = ({ pipeline, plan, size }: RunPlan): ReadonlyArray<string> => {
  const { dataset, stages } = pipeline
  const sampler = stages.find((stage) => stage._tag === "Sample")?.sampler
  const window = sampler && descriptionOf(sampler, "windowBlocks")
  const { blocks, readInWindows } = dataset
  if (readInWindows === undefined) return []
  // The order of a dataset of another size does not go by its blocks.
  if (sampler === undefined || window === undefined || blocks === undefined || blocks.at(-1) !== size) {
    return readInWindows(undefined)
  }
  const lanes = plan.lanes?.sizes.length ?? 1
  const ownLanes = Math.max(1, lanes / plan.world)
  return readInWindows({ sampler: sampler.name, window, lanes, ownLanes, blocks: blocks.length - 1, share: 1 })
}
