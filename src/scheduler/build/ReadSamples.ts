/**
 * Reads the samples of a batch from the dataset.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { concurrent } from "../../core/Concurrent.ts"
import * as Ambient from "../../patches/Ambient.ts"
import { DatasetError, IndexError, Plain } from "../../sources/RandomAccess.ts"
import type { AttemptError } from "./Attempt.ts"
import type { BatchRows } from "./BatchRows.ts"
import type { CurrentStage } from "./CurrentStage.ts"
import { errorOf, errorOfCause, failingAlone, located } from "./ErrorLocation.ts"
import { suspended, type Work } from "./Work.ts"

/** How many samples are read at once where no stage sets a limit. @since 0.1.0 */
export const READ_AT_ONCE = 16

/**
 * Reads the rows `numbers`, or all rows if it is `undefined`. Where another attempt may follow, a sample that cannot be
 * read fails alone.
 *
 * @since 0.1.0
 */
export const readSamples = (
  rows: BatchRows,
  current: CurrentStage,
  numbers: Array<number> | undefined
): Work<AttemptError> => {
  const { dataset } = rows.runPlan.pipeline
  return current.watched<AttemptError>(`dataset ${dataset.name}`, () => {
    if (dataset instanceof Plain) return readPlain(rows, dataset, numbers)
    if (rows.careful && (dataset.batched !== true || numbers !== undefined)) return readEach(rows, numbers)
    const read = dataset.getMany(rows.indices).pipe(
      Effect.flatMap((values) => {
        rows.values = values
        const [gave, asked] = [values.length, rows.indices.length]
        if (gave === asked) return Effect.void
        return Effect.fail(new Error(`it gave ${gave} samples where ${asked} were asked for`))
      })
    )
    if (!rows.careful) return located(rows, "dataset", undefined)(read)
    // One read of many samples does not tell which of them is at fault; a read of each does.
    return Effect.catchAllCause(read, (cause) => {
      const why = errorOfCause(rows, "dataset", undefined, cause).message
      return Effect.zipRight(
        Effect.logWarning(`a read of ${rows.indices.length} samples failed, so each is read on its own: ${why}`),
        suspended(() => {
          rows.retried += rows.indices.length
          return readEach(rows, undefined)
        })
      )
    })
  })
}

const readPlain = (
  rows: BatchRows,
  { read }: Plain<unknown, unknown>,
  numbers: Array<number> | undefined
): undefined => {
  const { indices } = rows
  const count = numbers?.length ?? indices.length
  const values = new Array<unknown>(count)
  let lost: Array<number> | undefined
  for (let place = 0; place < count; place++) {
    const row = numbers === undefined ? place : (numbers[place] as number) // below the count
    try {
      values[place] = read(indices[row] as number) // a row of the batch
    } catch (thrown) {
      const failure = thrown instanceof IndexError || thrown instanceof DatasetError ? thrown : undefined
      rows.fail(row, errorOf(rows, "dataset", row, thrown, failure))
      lost ??= []
      lost.push(place)
    }
  }
  rows.values = values
  if (lost !== undefined) rows.drop(new Set(lost))
  return undefined
}

/** Reads each sample by a read of its own, so that each fails alone. */
const readEach = (rows: BatchRows, numbers: Array<number> | undefined): Work<AttemptError> => {
  const { indices, runPlan } = rows
  const { dataset } = runPlan.pipeline
  const all = numbers ?? Array.from(indices.keys())
  const read = concurrent(
    all.length,
    READ_AT_ONCE,
    (place) => {
      const row = all[place] as number // below the length
      return failingAlone(rows, "dataset", row, dataset.get(indices[row] as number)) // a row of the batch
    },
    (_, cause) => cause
  )
  return Effect.map(Ambient.services(read), (values) => {
    rows.values = values
    rows.numbers = numbers
    rows.dropFailed()
  })
}
