/**
 * A pipeline whose effects are counted while they run, so that a thread is not terminated under them.
 *
 * What a stage awaits may be an operation of a native library, such as a call of sharp's. On Deno a thread that is
 * terminated under one crashes the process; elsewhere the runtime sees to it, and nothing is counted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { isCopied } from "../../../core/MadeFor.ts"
import type { Gate } from "../../../core/NativeWork.ts"
import { runtime } from "../../../core/runtime.ts"
import type { Pipeline } from "../../../pipeline/Pipeline.ts"
import type { Stage } from "../../../pipeline/Stage.ts"
import { type Dataset, isPlain, ownDataset } from "../../../sources/RandomAccess.ts"

/** Whether effects are counted here. @since 0.1.0 */
export const counts: boolean = runtime.name === "deno"

/** `effect`, counted by `gate` while it runs. Once the gate is closed it never begins. @since 0.1.0 */
export const during = <A, E, R>(gate: Gate, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const ended = Effect.sync(gate.end)
  return Effect.suspend(() => (gate.begin() ? Effect.ensuring(effect, ended) : Effect.never))
}

/** The pipeline with its dataset's and stages' effects counted. @since 0.1.0 */
export const counted = <A, E, R>(pipeline: Pipeline<A, E, R>, gate: Gate): Pipeline<A, E, R> => {
  const { dataset, stages } = pipeline
  const through: Through = (effect) =>
    // What is no effect is told by whoever runs it.
    Effect.isEffect(effect) ? during(gate, effect) : effect
  const countedStage = (stage: Stage): Stage =>
    stage._tag === "Effect"
      ? { ...stage, run: (sample, rng, context) => through(stage.run(sample, rng, context)) }
      : stage
  // The rest is the pipeline's and the dataset's own.
  return Object.create(pipeline, {
    stages: { value: stages.map(countedStage) },
    dataset: { value: isPlain(dataset) ? dataset : countedDataset(dataset, through) }
  }) as Pipeline<A, E, R> // its prototype is one
}

type AnyDataset = Dataset<unknown, unknown, unknown>
type Through = <A, E>(effect: Effect.Effect<A, E, unknown>) => Effect.Effect<A, E, unknown>

/** The dataset, described as it is: these functions read what those that it describes do. */
const countedDataset = (dataset: AnyDataset, through: Through): AnyDataset => {
  const own = Object.create(dataset, {
    size: { get: () => dataset.size },
    get: { value: (index: number) => through(dataset.get(index)) },
    getMany: { value: (indices: ArrayLike<number>) => through(dataset.getMany(indices)) }
  }) as AnyDataset // its prototype is one
  return isCopied(dataset, "made") ? own : ownDataset(own)
}
