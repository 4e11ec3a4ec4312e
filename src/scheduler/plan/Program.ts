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

interface Named {
  /** The names of its stages, with `+` between. */
  readonly name: string
}

/** Plain stages that are done in one pass over the values of a batch. @since 0.1.0 */
export interface FusedStep extends Named {
  readonly _tag: "Fused"
  readonly fused: FusedStages
  readonly stages: ReadonlyArray<PlainStage>
}

/** Neighboring plain stages: each value goes through all of them before the next one starts. @since 0.1.0 */
export interface PlainStep extends Named {
  readonly _tag: "Plain"
  readonly stages: ReadonlyArray<PlainStage>
  /** The names of its stages, if there are several. */
  readonly names: ReadonlyArray<string> | undefined
}

/** @since 0.1.0 */
export interface EffectStep extends Named {
  readonly _tag: "Effect"
  readonly stages: readonly [EffectStage]
}

/** Each sample goes through all steps before the next one starts. @since 0.1.0 */
export interface InOrderStep extends Named {
  readonly _tag: "InOrder"
  readonly stages: ReadonlyArray<PlainStage | EffectStage>
}

/** @since 0.1.0 */
export type Step = FusedStep | PlainStep | EffectStep | InOrderStep

/** @since 0.1.0 */
export interface Program {
  /** Whether each sample goes through all stages before the next one starts. */
  readonly inOrder: boolean
  /** The stages before `batch`, as steps that take one sample: none of them is fused. */
  readonly alone: ReadonlyArray<PlainStep | EffectStep>
  /** The same stages as steps. */
  readonly before: ReadonlyArray<Step>
  readonly batching: BatchStage
  /** The steps behind `batch`. */
  readonly behind: ReadonlyArray<Step>
}

/** What a step of these stages is called. */
const nameOf = (stages: ReadonlyArray<Stage>): string => namesOf(stages).join(" + ")

const namesOf = (stages: ReadonlyArray<Stage>): ReadonlyArray<string> => stages.map(({ id }) => id.name)

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
    alone: unfused(stages),
    before: inOrder && stages.length > 0 ? [{ _tag: "InOrder", name: nameOf(stages), stages }] : steps(stages, output),
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
  const first = before.findIndex(isFused)
  return first !== -1 && before.slice(first).every(isFused) && canLendColumns({ batching, behind })
}

/** Whether the columns of batches may lie there: they may unless such a function is called with them. @since 0.1.0 */
export const canLendColumns = ({ batching, behind }: Pick<Program, "batching" | "behind">): boolean =>
  batching.dtypes !== undefined && behind.every(isFused)

const isFused = ({ _tag }: Step): boolean => _tag === "Fused"

const steps = (stages: ReadonlyArray<PlainStage | EffectStage>, output: Output): ReadonlyArray<Step> => {
  const made: Array<Step> = []
  let at = 0
  while (at < stages.length) {
    const plain = fusibleFrom(stages, at)
    const [fusible, ...behind] = plain.map((stage) => stage.fusible)
    if (fusible === undefined) {
      const rest = stages.slice(at)
      const next = rest.findIndex(isFusible)
      const own = next === -1 ? rest : rest.slice(0, next)
      made.push(...unfused(own))
      at += own.length
    } else {
      const fused = fusible.fuse(behind, output)
      const own = plain.slice(0, fused.length)
      made.push({ _tag: "Fused", name: nameOf(own), fused, stages: own })
      at += fused.length
    }
  }
  return made
}

/** Stages as steps of which none is fused: a plain step ends where an effect stands between. */
const unfused = (stages: ReadonlyArray<PlainStage | EffectStage>): ReadonlyArray<PlainStep | EffectStep> => {
  const made: Array<PlainStep | EffectStep> = []
  let run: Array<PlainStage> = []
  const end = (): void => {
    if (run.length > 0) made.push(plainStep(run))
    run = []
  }
  for (const stage of stages) {
    if (stage._tag !== "Effect") run.push(stage)
    else {
      end()
      made.push({ _tag: "Effect", name: stage.id.name, stages: [stage] })
    }
  }
  end()
  return made
}

const plainStep = (stages: ReadonlyArray<PlainStage>): PlainStep => ({
  _tag: "Plain",
  name: nameOf(stages),
  stages,
  names: stages.length > 1 ? namesOf(stages) : undefined
})

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
