/**
 * What a pipeline is, in one line: two sides that build it by themselves are held against each other by it.
 *
 * @since 0.1.0
 */
import { sha256 } from "../runtime.ts"
import { hex, ofColumns } from "./Digest.ts"
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
    if (_tag === "Batch") return { ...own, size: stage.size, dropLast: stage.dropLast, padLast: stage.padLast }
    return own
  })

/** How many samples are looked at. */
const LOOKED_AT = 16

/** What is known of datasets' contents, for as long as their sizes last. */
const seen = new WeakMap<object, { readonly size: number; readonly text: string }>()

/**
 * What a dataset holds, as far as that can be told: what was declared, or a hash over some of its samples; else nothing.
 *
 * @since 0.1.0
 */
export const contentOf = ({ pipeline: { dataset }, size }: Pick<Job, "pipeline" | "size">): string => {
  const { content } = dataset
  if (typeof content !== "function") return content ?? ""
  const known = seen.get(dataset)
  if (known?.size === size) return known.text
  const count = Math.min(size, LOOKED_AT)
  let text = ""
  try {
    const some = Array.from({ length: count }, (_, at) => content(Math.floor((at * size) / count)))
    text = hex(ofColumns(some)).slice(0, 16)
  } catch {
    // Samples that have no bytes of their own, such as functions, tell nothing.
  }
  seen.set(dataset, { size, text })
  return text
}

/**
 * 64 hexadecimal digits over the dataset's name, size and content, the plan's figures and every stage's kind, name and settings.
 * What a stage's function does cannot be seen.
 *
 * @since 0.1.0
 */
export const fingerprint = (job: Job): string => {
  const { pipeline, plan, size } = job
  const stages = stagesOf(pipeline)
  const { count, rank, uneven, workers, world } = plan
  const all = {
    dataset: pipeline.dataset.name,
    size,
    content: contentOf(job),
    ambient: pipeline.ambient,
    stages,
    count,
    rank,
    workers,
    world,
    uneven
  }
  return hex(sha256(JSON.stringify(all)))
}
