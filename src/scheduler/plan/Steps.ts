/**
 * Stages in the form in which they run: neighbours that can be done in one go are one step.
 *
 * @since 0.1.0
 */

import { type Fused, fuse } from "../../image/Fusion.ts"
import type { Stage } from "../../pipeline/Stage.ts"
import type { Output } from "../../wasm/Output.ts"

/** @since 0.1.0 */
export type BatchStage = Extract<Stage, { readonly _tag: "Batch" }>
/** @since 0.1.0 */
export type PlainStage = Extract<Stage, { readonly _tag: "Augment" | "Map" | "Filter" }>
/** @since 0.1.0 */
export type EffectStage = Extract<Stage, { readonly _tag: "Effect" }>

/** @since 0.1.0 */
export type Step =
  | { readonly _tag: "Fused"; readonly fused: Fused; readonly stages: ReadonlyArray<PlainStage> }
  | { readonly _tag: "Plain"; readonly stage: PlainStage }
  | { readonly _tag: "Effect"; readonly stage: EffectStage }
  | { readonly _tag: "Rows"; readonly stages: ReadonlyArray<PlainStage | EffectStage> }

/**
 * The steps of some stages where streams go on from sample to sample: each sample goes through all of them before the
 * next one starts.
 *
 * @since 0.1.0
 */
export const byRows = (stages: ReadonlyArray<Stage>): ReadonlyArray<Step> => [
  { _tag: "Rows", stages: stages.filter((stage) => stage._tag !== "Sample" && stage._tag !== "Batch") }
]

/**
 * The steps of some stages; what is made of whole batches lies in memory of `output`.
 *
 * @since 0.1.0
 */
export const compile = (stages: ReadonlyArray<Stage>, output: Output): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  let at = 0
  while (at < stages.length) {
    const stage = stages[at]
    if (stage?._tag === "Effect") steps.push({ _tag: "Effect", stage })
    const plain = plainFrom(stages, at)
    const fused = fuse(
      plain.map(({ run }) => run),
      output
    )
    const [first] = plain
    if (fused !== undefined) steps.push({ _tag: "Fused", fused, stages: plain.slice(0, fused.length) })
    else if (first !== undefined) steps.push({ _tag: "Plain", stage: first })
    at += fused?.length ?? 1
  }
  return steps
}

/** The plain stages that follow one another from `at` on. */
const plainFrom = (stages: ReadonlyArray<Stage>, at: number): ReadonlyArray<PlainStage> => {
  const run: Array<PlainStage> = []
  for (const stage of stages.slice(at)) {
    if (stage._tag !== "Augment" && stage._tag !== "Map" && stage._tag !== "Filter") break
    run.push(stage)
  }
  return run
}
