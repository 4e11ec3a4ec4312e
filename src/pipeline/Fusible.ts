/**
 * Stages that can run as one step with their neighbors, over a whole batch and over a dataset's columns.
 *
 * A stage's function carries this capability as a property. A closure around the function lacks it, so the stage is called
 * sample by sample: the batch is the same, only slower.
 *
 * @since 0.1.0
 */
import type { Rng } from "../random/Rng.ts"
import type { Field } from "../sources/Columnar.ts"
import type { Output } from "../wasm/Output.ts"

/** What a stage offers besides being called for each sample. @since 0.1.0 */
export interface Fusible {
  /** Identifies the implementation, which fuses only with stages of its own kind. */
  readonly kind: symbol
  /** Throws `InvalidOption` if the stage must not follow one of `previous`, the fusible stages before it. */
  readonly accepts: (previous: ReadonlyArray<Fusible>) => void
  /**
   * Returns one step for this stage and as many of the stages directly behind it as fit into the step. Results may lie in
   * memory of `output`.
   */
  readonly fuse: (behind: ReadonlyArray<Fusible>, output: Output) => FusedStages
}

/** Consecutive stages as one step. Its results equal, to the bit, those of the stages one after another. @since 0.1.0 */
export interface FusedStages {
  /** How many stages it covers. */
  readonly length: number
  /** The fields of a sample that it replaces. */
  readonly fields: ReadonlyArray<string>
  /** Whether it calls functions of the user, which are called once for each sample and attempt. */
  readonly userCode: boolean
  /**
   * Replaces each sample by its result. `rng(stage, row)` is called once for each stage and row, directly before that
   * stage's work on that row. Returns the memory that the results of the whole batch fill one behind the other, if they do, so
   * that collation need not copy them.
   */
  readonly run: (samples: Array<unknown>, rng: (stage: number, row: number) => Rng) => ArrayBufferView | undefined
  /** Whether {@link columns} can read these columns. */
  readonly fits: (columns: ReadonlyMap<string, Field>) => boolean
  /**
   * Does the work of {@link run} on the rows `rows` of columns: returns, for each of {@link fields}, a column of as many
   * rows. Throws where `run` throws.
   */
  readonly columns: (
    columns: ReadonlyMap<string, Field>,
    rows: Float64Array,
    rngs: StageRngs
  ) => ReadonlyMap<string, Field>
}

/** The generators of fused stages, by the stage's place in the step and the row. @since 0.1.0 */
export interface StageRngs {
  /** Returns the rng of a stage at a row; an error from now on is located there. */
  readonly at: (stage: number, row: number) => Rng
  /** Returns a stage's rng by row; an error from now on is located at the stage. */
  readonly of: (stage: number) => (row: number) => Rng
}

const FUSIBLE: unique symbol = Symbol.for("furrow/Fusible")

/** Attaches the capability to a stage's function and returns the function. @since 0.1.0 */
export const withFusible = <F extends object>(run: F, fusible: Fusible): F =>
  Object.defineProperty(run, FUSIBLE, { value: fusible })

/** Returns the capability of a stage's function, if it has one. @since 0.1.0 */
export const fusibleOf = (run: unknown): Fusible | undefined =>
  // Only `withFusible` sets the property.
  typeof run === "function" && FUSIBLE in run ? (run[FUSIBLE] as Fusible) : undefined

/** Throws `InvalidOption` if a stage must not follow one of the stages before it. @since 0.1.0 */
export const checkOrder = (stages: ReadonlyArray<Fusible>): void => {
  for (let at = 0; at < stages.length; at++) stages[at]?.accepts(stages.slice(0, at))
}
