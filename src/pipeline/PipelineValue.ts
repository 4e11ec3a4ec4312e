/**
 * A pipeline as a value: its type, its printed form, and how a stage is appended to it.
 *
 * @since 0.1.0
 */

import * as Data from "effect/Data"
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import { InvalidOption } from "../core/InvalidOption.ts"
import { plural } from "../core/Plural.ts"
import { version } from "../core/Version.ts"
import type { Setting } from "../patches/Ambient.ts"
import type { StageId } from "../seeding/Coordinates.ts"
import type { Dataset } from "../sources/Dataset.ts"
import type { Stage } from "./Stage.ts"

/** @category constants @since 0.1.0 */
export const TypeId: unique symbol = Symbol.for("furrow/Pipeline")

/**
 * A dataset and its stages, delivering `A`, failing with `E`, requiring `R`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pipeline<out A, out E = never, out R = never> extends Pipeable.Pipeable, Inspectable.Inspectable {
  readonly [TypeId]: { readonly _A?: (_: never) => A; readonly _E?: (_: never) => E; readonly _R?: (_: never) => R }
  readonly dataset: Dataset<unknown, unknown, unknown>
  readonly stages: ReadonlyArray<Stage>
  /** What becomes of `Math.random` and its like inside a stage; see {@link ambient}. */
  readonly ambient: Setting
}

/**
 * Two stages of a pipeline have the same name (or, once in four billion pairs, names with the same id). The draws of a
 * stage depend on its name, so both would draw the same numbers.
 *
 * @category errors
 * @since 0.1.0
 */
export class DuplicateStage extends Data.TaggedError("DuplicateStage")<{
  readonly name: string
  readonly other: string
  /** The places of the two in the pipeline, counted from 1. */
  readonly positions: readonly [number, number]
}> {
  override get message(): string {
    const [first, second] = this.positions
    const what =
      this.name === this.other
        ? `stages ${first} and ${second} are both named "${this.name}"`
        : `the names of stages ${first} ("${this.other}") and ${second} ("${this.name}") have one id`
    return `${what}, so both would draw the same random numbers; give one of them another name`
  }
}

/** Where this copy of Furrow lies, and its version; in some bundles its place is not known. */
const COPY = `${String(import.meta.url)
  .replace(/^file:\/\//, "")
  .replace(/(?:\/src\/pipeline|\/dist)?\/[^/]*$/, "")} ${version}`

/** Marks the pipelines of this copy. Those of another hold tensors, samplers and stages of other classes. */
const OWN: Pipeline<never>[typeof TypeId] & { readonly copy: string } = { copy: COPY }

class PipelineImpl extends Inspectable.Class implements Pipeline<never> {
  readonly [TypeId] = OWN
  readonly dataset: Dataset<unknown, unknown, unknown>
  readonly stages: ReadonlyArray<Stage>
  readonly ambient: Setting

  constructor(dataset: Dataset<unknown, unknown, unknown>, stages: ReadonlyArray<Stage>, ambient: Setting) {
    super()
    this.dataset = dataset
    this.stages = stages
    this.ambient = ambient
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: Effect's own way to pass a pipe's arguments on.
    return Pipeable.pipeArguments(this, arguments)
  }

  toJSON() {
    const { dataset } = this
    return {
      _id: "Pipeline",
      dataset: { name: dataset.name, size: dataset.stream === undefined ? dataset.size : "a stream" },
      ambient: this.ambient,
      stages: this.stages.map((stage) => ({
        name: stage.id.name,
        kind: stage._tag,
        draws: stage.draws,
        id: hex(stage.id),
        ...(stage._tag === "Sample" ? { sampler: stage.sampler.name } : {}),
        ...(stage._tag === "Batch" ? { size: stage.size, dropLast: stage.dropLast, padLast: stage.padLast } : {})
      }))
    }
  }

  override toString(): string {
    const { dataset, stages } = this
    const rows = stages.map((stage, place) => [
      String(place + 1),
      stage._tag.toLowerCase(),
      stage.id.name,
      detail(stage),
      stage.draws ? "draws" : "",
      hex(stage.id)
    ])
    const widths = [0, 1, 2, 3, 4].map((cell) => Math.max(0, ...rows.map((row) => row[cell]?.length ?? 0)))
    const lines = rows.map((row) => `  ${row.map((cell, place) => cell.padEnd(widths[place] ?? 0)).join("  ")}`)
    const { size, stream } = dataset
    const samples = stream !== undefined ? "a stream" : plural(size, "sample")
    return [`Pipeline over ${dataset.name} (${samples})`, ...lines].join("\n")
  }
}

const hex = (id: StageId): string => id.id.toString(16).padStart(8, "0")

const detail = (stage: Stage): string => {
  if (stage._tag === "Sample") return stage.sampler.name
  if (stage._tag === "Batch")
    return `${stage.size}${stage.dropLast ? ", drop last" : stage.padLast ? ", pad last" : ""}`
  return stage._tag === "Effect" ? `${stage.concurrency} at once` : ""
}

/** Returns a pipeline. What it delivers is for the caller to say. @since 0.1.0 */
export const make = (
  dataset: Dataset<unknown, unknown, unknown>,
  stages: ReadonlyArray<Stage>,
  ambient: Setting
): Pipeline<never> => new PipelineImpl(dataset, stages, ambient)

/** Whether a value is a pipeline. @since 0.1.0 */
export const isPipeline = (value: unknown): value is Pipeline<unknown, unknown, unknown> =>
  typeof value === "object" && value !== null && TypeId in value

/**
 * Throws `InvalidOption` if another copy of Furrow made a pipeline: it would run here by halves. So it is where a program of
 * one project is given a module of another, which has installed its own.
 *
 * @since 0.1.0
 */
export const ownPipeline = (option: string, { [TypeId]: mark }: Pipeline<unknown, unknown, unknown>): void => {
  if (mark === OWN) return
  const copy = "copy" in mark ? String(mark.copy) : "another version"
  const expected =
    `made by the copy of furrow that runs it, ${COPY}: import one copy in both, or run it by a program of its own ` +
    "project (Service.serve, Runner.listen: docs/service.md and docs/cluster.md have them)"
  throw new InvalidOption({ option, value: copy, expected })
}

/** Returns `self` if it is a pipeline; otherwise throws `InvalidOption`. @since 0.1.0 */
export const pipelineOf = (self: unknown): Pipeline<unknown, unknown, unknown> => {
  const option = "the pipeline before a stage"
  if (!isPipeline(self)) {
    throw new InvalidOption({ option, value: self, expected: "a pipeline: Pipeline.from(dataset).pipe(…)" })
  }
  ownPipeline(option, self)
  return self
}

/**
 * Returns the pipeline with one more stage. Throws {@link DuplicateStage} if the name is taken, and `InvalidOption` if the
 * stage cannot follow those before it.
 *
 * @since 0.1.0
 */
export const append = (to: unknown, stage: Stage): Pipeline<never> => {
  const self = pipelineOf(to)
  const { id } = stage
  const own = stage._tag === "Sample" || stage._tag === "Batch"
  if (self.stages.some((other) => other._tag === "Batch") && (own || stage._tag === "Filter")) {
    const expected = "augment, map or an effectful stage: only these can follow batch"
    throw new InvalidOption({ option: "the stage after batch", value: stage._tag.toLowerCase(), expected })
  }
  if (stage._tag === "Sample" && stage.sampler.window === undefined && self.dataset.stream !== undefined) {
    const expected = `Pipeline.shuffleWindow(n), or left out: ${self.dataset.name} is a stream, which is read in its own order`
    throw new InvalidOption({ option: "Pipeline.sample", value: stage.sampler.name, expected })
  }
  self.stages.forEach((other, place) => {
    if (other._tag === "Sample" && stage._tag === "Sample") {
      const expected =
        `used once in a pipeline: sampler "${other.sampler.name}" gives the order of the epochs already; leave one of ` +
        "the two out, or combine them, as in Sampler.limited(Sampler.shuffle, 1000)"
      throw new InvalidOption({ option: "Pipeline.sample", value: stage.sampler.name, expected })
    }
    if (other.id.id !== id.id) return
    const positions = [place + 1, self.stages.length + 1] as const
    throw new DuplicateStage({ name: id.name, other: other.id.name, positions })
  })
  return make(self.dataset, [...self.stages, stage], self.ambient)
}
