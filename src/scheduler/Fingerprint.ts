/**
 * What a pipeline is, in one line: two sides that build it by themselves are held against each other by it.
 *
 * @since 0.1.0
 */
import { sha256 } from "../runtime.ts"
import type { Job } from "./Job.ts"

/**
 * 64 hexadecimal digits over the dataset's name and size, the plan's figures and every stage's kind, name and settings.
 * What a stage's function does cannot be seen.
 *
 * @since 0.1.0
 */
export const fingerprint = ({ pipeline, plan, size }: Job): string => {
  const stages = pipeline.stages.map((stage) => {
    const { _tag, draws, id } = stage
    const own = { _tag, name: id.name, draws }
    if (_tag === "Sample") return { ...own, sampler: stage.sampler.name }
    if (_tag === "Batch") return { ...own, size: stage.size, dropLast: stage.dropLast }
    return own
  })
  const { count, rank, workers, world } = plan
  const all = { dataset: pipeline.dataset.name, size, ambient: pipeline.ambient, stages, count, rank, workers, world }
  return Array.from(sha256(JSON.stringify(all)), (byte) => byte.toString(16).padStart(2, "0")).join("")
}
