/**
 * The attempts at a batch against a plain loop: which rows are attempted how often, and what is left out.
 */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import { type FailureRules, failFirst } from "../../../src/scheduler/build/FailureRules.ts"
import { retrying } from "../../../src/scheduler/build/Retry.ts"
import { SamplesFailed, StageError } from "../../../src/scheduler/build/StageError.ts"
import { fromEffect, Later, TypedFailure, toEffect, type Work } from "../../../src/scheduler/build/Work.ts"

const POSITION = 40
const SIZE = 5

/** The error of a row, or of the whole batch. */
const errorOf = (row: number | undefined, cause: unknown = "broken"): StageError =>
  new StageError({
    policy: "elastic",
    seed: "1",
    epoch: 0,
    rank: 0,
    world: 1,
    worker: 0,
    workers: 1,
    batch: 8,
    sample: row,
    position: row === undefined ? undefined : POSITION + row,
    ordinal: row,
    stage: "stage",
    cause
  })

/** Rules that grant so many attempts more, which wait for nothing. */
const rules = (again: number, skips: boolean, counted: () => void = () => undefined): FailureRules => ({
  ...failFirst,
  retry:
    again === 0
      ? undefined
      : () => {
          let left = again
          return () => fromEffect(() => Effect.succeed(left-- > 0))
        },
  skip: skips ? { when: () => true, fill: "none" } : undefined,
  retried: counted
})

/** Attempts a batch whose rows fail so often; notes which rows each attempt takes. */
const attempting = (times: ReadonlyArray<number>) => {
  const left = [...times]
  const attempts: Array<ReadonlyArray<number>> = []
  let failed: ReadonlySet<number> = new Set(left.keys())
  const attempt = (skipped: ReadonlySet<number>): Work<string, SamplesFailed> => {
    const rows = [...failed].filter((row) => !skipped.has(row))
    attempts.push(rows)
    const errors = rows.filter((row) => (left[row] ?? 0) > 0).map((row) => errorOf(row))
    failed = new Set(errors.map(({ ordinal }) => ordinal ?? 0))
    for (const row of failed) left[row] = (left[row] ?? 0) - 1
    const [first, ...more] = errors
    if (first === undefined) return "batch"
    throw new TypedFailure(new SamplesFailed({ errors: [first, ...more] }))
  }
  return { attempts, attempt }
}

const outcome = <A>(work: () => Work<A, unknown>) =>
  Effect.runPromise(Effect.either(toEffect(work) as Effect.Effect<A, unknown>)) // requires nothing

test("a row is attempted as often as the rules grant, and left out after that; the others are not attempted again", async () => {
  const times = fc.array(fc.nat(4), { minLength: SIZE, maxLength: SIZE })
  await fc.assert(
    fc.asyncProperty(times, fc.nat(3), fc.boolean(), async (failures, again, skips) => {
      const { attempt, attempts } = attempting(failures)
      let counted = 0
      const own = rules(again, skips, () => counted++)
      const end = await outcome(() => retrying(own, { position: POSITION, size: SIZE }, attempt))
      const lost = [...failures.keys()].filter((row) => (failures[row] ?? 0) > again)
      if (lost.length > 0 && !skips) {
        expect(end).toMatchObject({ _tag: "Left", left: { _tag: "StageError" } })
        return
      }
      if (end._tag === "Left") throw end.left
      const { skipped, value } = end.right
      expect(value).toBe(lost.length === SIZE ? undefined : "batch")
      const left = skipped.map(({ attempts: tries, error, samples }) => [error.ordinal, tries, samples])
      expect(left.toSorted()).toEqual(lost.map((row) => [row, again + 1, 1]))
      for (const [row, fails] of failures.entries()) {
        expect(attempts.filter((rows) => rows.includes(row))).toHaveLength(Math.min(fails, again) + 1)
      }
      expect(counted).toBe(Math.max(...failures.map((fails) => Math.min(fails, again))))
    })
  )
})

test("what fails as a whole is left out as a whole, by plain code where nothing waits", () => {
  const end = retrying(rules(0, true), { position: POSITION, size: SIZE }, (): string => {
    throw new TypedFailure(errorOf(undefined))
  })
  if (Later.is(end)) throw end
  expect(end).toMatchObject({ value: undefined, skipped: [{ attempts: 1, samples: SIZE }] })
})

test("faults of the program, and errors that are no sample's, are neither retried nor skipped", async () => {
  const fault = errorOf(2, { _tag: "AmbientRandomness" })
  for (const error of [fault, new SamplesFailed({ errors: [errorOf(1), fault] }), new Error("another")]) {
    let attempts = 0
    const end = await outcome(() =>
      retrying(rules(3, true), { position: POSITION, size: SIZE }, (): string => {
        attempts++
        throw new TypedFailure(error)
      })
    )
    expect(end).toMatchObject({ _tag: "Left", left: error instanceof SamplesFailed ? fault : error })
    expect(attempts).toBe(1)
  }
})
