/**
 * The rows that a pipeline delivers, as a source that can be opened anywhere: a mark is a cursor.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { InvalidOption } from "../core/InvalidOption.ts"
import type { Batch } from "../pipeline/Batch.ts"
import { batchWith, type Pipeline } from "../pipeline/Pipeline.ts"
import { callSite } from "../scheduler/loader/CallSite.ts"
import { CursorMismatch } from "../scheduler/loader/Cursor.ts"
import type { LoaderError } from "../scheduler/loader/Loader.ts"
import * as Run from "../scheduler/loader/Run.ts"
import type { Options, RunOptions } from "../scheduler/loader/RunOptions.ts"
import { lineageOf } from "../sources/RandomAccess.ts"
import { sampleText } from "../sources/SampleText.ts"
import type { Rows } from "../sources/sinks/SinkFormat.ts"
import { ofBatch, type Rewindable, type RowSource } from "./RowSource.ts"

/** The batch size of a pipeline without a batch stage. */
const BATCH = 256

/** The pipeline with batches: its own, or lists of rows. @since 0.1.0 */
export const batched = <A, E, R>(pipeline: Pipeline<A, E, R>): Pipeline<Batch<unknown>, E, R> =>
  pipeline.stages.some(({ _tag }) => _tag === "Batch")
    ? // Behind a batch stage a pipeline delivers batches.
      (pipeline as unknown as Pipeline<Batch<unknown>, E, R>)
    : batchWith(pipeline, BATCH, (rows: ReadonlyArray<A>): unknown => rows, { parameters: { rows: true } })

/** The stages that give a row for each row. */
const KEEPING: ReadonlyArray<string> = ["Sample", "Map", "Augment", "Effect", "Batch"]

/** How many rows an epoch has, if no stage changes that. */
const rowsOf = ({ dataset, stages }: Pipeline<unknown, unknown, unknown>): number | undefined => {
  const keeps = stages.every(
    (stage) => KEEPING.includes(stage._tag) && !(stage._tag === "Batch" && (stage.dropLast || stage.padLast))
  )
  if (!keeps || dataset.stream !== undefined) return undefined
  const { size } = dataset
  // It may draw more samples than there are, or fewer.
  return stages.find((stage) => stage._tag === "Sample")?.sampler.count(size) ?? size
}

/** How a pipeline is run for a sink: in the plan's order. @since 0.1.0 */
export type PipelineOptions = Pick<RunOptions, "prefetch" | "rank" | "world" | "uneven" | "steps"> & {
  readonly epochs: number
}

/** A sink accepts no differences: the folder would hold shards of two different runs. */
const unlike = <E>(error: E): E | CursorMismatch =>
  error instanceof CursorMismatch
    ? new CursorMismatch({ differences: error.differences, unseen: error.unseen, way: WAY })
    : error

const WAY = "run what the folder was begun with, or write to another folder"

/** @since 0.1.0 */
export const pipelineRows = <A, E, R>(
  pipeline: Pipeline<A, E, R>,
  options: PipelineOptions
): Rewindable<LoaderError<E>, R> => {
  const own = batched(pipeline)
  const rows =
    (options.world ?? 1) === 1 && options.uneven === undefined && options.steps === undefined ? rowsOf(own) : undefined
  const site = callSite(pipelineRows)
  return {
    size: rows === undefined ? undefined : rows * options.epochs,
    open: (mark): Effect.Effect<RowSource<LoaderError<E>, R>, LoaderError<E>, R | Scope.Scope> => {
      // A resumed run builds the batch again in which it was killed.
      const all: Options = { ...options, from: mark, lend: true, replay: true }
      return Effect.map(Effect.mapError(Run.open(own, all, site, "Sink.run"), unlike), (loader) => ({
        next: Effect.map(
          loader.take,
          Option.map((batch) => ({
            ...ofBatch(batch.size, batch.columns),
            samples: batch.size,
            origin: originIn(own, batch)
          }))
        ),
        mark: loader.cursor
      }))
    }
  }
}

/** Which sample each row of a batch is, in words; `undefined` if a collate has made rows of its own. */
const originIn = (
  { dataset }: Pipeline<unknown, unknown, unknown>,
  { indices, size }: Batch<unknown>
): Rows["origin"] =>
  indices.length === size
    ? (place) => {
        const index = indices[place]
        return index === undefined ? undefined : sampleText(index, lineageOf(dataset, index))
      }
    : undefined

/** Refuses a sink of so many shards where the count of rows is not known. @since 0.1.0 */
export const countable = (shards: number | undefined, size: number | undefined): void => {
  if (shards === undefined || size !== undefined) return
  const expected =
    "left out where a stage changes the count of rows, such as filter, dropLast or padLast: give rows or bytes"
  throw new InvalidOption({ option: "shards", value: shards, expected })
}
