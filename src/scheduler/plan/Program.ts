/**
 * A pipeline compiled to what a worker executes: neighbors that can be fused are one step.
 *
 * @since 0.1.0
 */
import type { FusedStages, Fusible } from "../../pipeline/Fusible.ts"
import type { Stage } from "../../pipeline/Stage.ts"
import type { Output } from "../../wasm/Output.ts"

/** @since 0.1.0 */
export type BatchStage = Extract<Stage, { readonly _tag: "Batch" }>
/** @since 0.1.0 */
export type PlainStage = Extract<Stage, { readonly _tag: "Augment" | "Map" | "Filter" }>
/** @since 0.1.0 */
export type EffectStage = Extract<Stage, { readonly _tag: "Effect" }>

/** Plain stages that are done in one pass over the values of a batch. @since 0.1.0 */
export interface FusedStep {
  readonly _tag: "Fused"
  readonly fused: FusedStages
  readonly stages: ReadonlyArray<PlainStage>
}

/** @since 0.1.0 */
export type Step =
  | FusedStep
  | { readonly _tag: "Plain"; readonly stages: readonly [PlainStage] }
  | { readonly _tag: "Effect"; readonly stages: readonly [EffectStage] }
  /** Each sample goes through all stages before the next one starts. */
  | { readonly _tag: "InOrder"; readonly stages: ReadonlyArray<PlainStage | EffectStage> }

/** @since 0.1.0 */
export interface Program {
  /** Whether each sample goes through all stages before the next one starts. */
  readonly inOrder: boolean
  /** The stages before `batch`, one by one. */
  readonly stages: ReadonlyArray<PlainStage | EffectStage>
  /** The same stages as steps. */
  readonly before: ReadonlyArray<Step>
  readonly batching: BatchStage
  /** The steps behind `batch`. */
  readonly behind: ReadonlyArray<Step>
}

/** What a step is called: the names of its stages. @since 0.1.0 */
export const nameOf = ({ stages }: Step): string =>
  stages.length === 1 && stages[0] !== undefined ? stages[0].id.name : stages.map(({ id }) => id.name).join(" + ")

/**
 * Compiles a pipeline's stages, of which one is `batch`. What is made of whole batches lies in memory of `output`, behind
 * `batch` in memory of `behind`. If `inOrder`, each sample goes through all stages before the next one starts, since streams
 * continue from sample to sample.
 *
 * @since 0.1.0
 */
export const compile = (
  all: ReadonlyArray<Stage>,
  { behind, inOrder, output }: { readonly output: Output; readonly behind: Output; readonly inOrder: boolean }
): Program => {
  const split = all.findIndex((stage) => stage._tag === "Batch")
  const batching = all[split] as BatchStage // a run without one is refused
  const stages = all.slice(0, split).filter((stage) => stage._tag !== "Sample" && stage._tag !== "Batch")
  return {
    inOrder,
    stages,
    before: inOrder && stages.length > 0 ? [{ _tag: "InOrder", stages }] : steps(stages, output),
    batching,
    behind: steps(
      all.slice(split + 1).filter((stage) => stage._tag !== "Sample" && stage._tag !== "Batch"),
      behind
    )
  }
}

/**
 * Whether batches may lie in memory that is used again. They may unless a function of the user's is called with values that
 * lie there, since it may keep them: a stage behind a fused step, a stage behind `batch`, or a collate.
 *
 * @since 0.1.0
 */
export const canLend = ({ batching, before, behind }: Program): boolean => {
  const isFused = ({ _tag }: Step): boolean => _tag === "Fused"
  const first = before.findIndex(isFused)
  return batching.dtypes !== undefined && first !== -1 && before.slice(first).every(isFused) && behind.every(isFused)
}

const steps = (stages: ReadonlyArray<PlainStage | EffectStage>, output: Output): ReadonlyArray<Step> => {
  const made: Array<Step> = []
  let at = 0
  while (at < stages.length) {
    const plain = fusibleFrom(stages, at)
    const [fusible, ...behind] = plain.map((stage) => stage.fusible)
    const fused = fusible?.fuse(behind, output)
    const stage = stages[at] as PlainStage | EffectStage // below the length
    if (fused !== undefined) made.push({ _tag: "Fused", fused, stages: plain.slice(0, fused.length) })
    else if (stage._tag === "Effect") made.push({ _tag: "Effect", stages: [stage] })
    else made.push({ _tag: "Plain", stages: [stage] })
    at += fused?.length ?? 1
  }
  return made
}

type FusibleStage = Extract<Stage, { readonly _tag: "Augment" | "Map" }> & { readonly fusible: Fusible }

const isFusible = (stage: Stage): stage is FusibleStage => "fusible" in stage && stage.fusible !== undefined

/** The stages that can be fused and follow one another from `at` on. */
const fusibleFrom = (stages: ReadonlyArray<PlainStage | EffectStage>, at: number): ReadonlyArray<FusibleStage> => {
  const found: Array<FusibleStage> = []
  for (const stage of stages.slice(at)) {
    if (!isFusible(stage)) break
    found.push(stage)
  }
  return found
}
