/**
 * What a pipeline is, in one line: two sides that build it by themselves are held against each other by it.
 *
 * @since 0.1.0
 */
import { sha256 } from "../runtime.ts"
import { hex } from "./Digest.ts"
import type { Job } from "./Job.ts"

/**
 * What can be seen of a pipeline's stages: kind, name and settings.
 *
 * @since 0.1.0
 */
export const stagesOf = ({ stages }: Pick<Job["pipeline"], "stages">) =>
  stages.map((stage) => {
    const { _tag, draws, id } = stage
    const own = { _tag, name: id.name, draws }
    if (_tag === "Sample") return { ...own, sampler: stage.sampler.name }
    if (_tag === "Batch") return { ...own, size: stage.size, dropLast: stage.dropLast }
    return own
  })

/**
 * 64 hexadecimal digits over the dataset's name and size, the plan's figures and every stage's kind, name and settings.
 * What a stage's function does cannot be seen.
 *
 * @since 0.1.0
 */
export const fingerprint = ({ pipeline, plan, size }: Job): string => {
  const stages = stagesOf(pipeline)
  const { count, rank, workers, world } = plan
  const all = { dataset: pipeline.dataset.name, size, ambient: pipeline.ambient, stages, count, rank, workers, world }
  return hex(sha256(JSON.stringify(all)))
}
