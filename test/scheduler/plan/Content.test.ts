import { expect, test } from "bun:test"
import { Cause, Effect, Either } from "effect"
import { Cursor, Dataset, InvalidOption, Pipeline, Scheduler, Workers } from "../../../src/index.ts"

const SIZE = 5000

/** A dataset whose content is asked for by a function of the test's. */
const dataset = (content: (index: number) => unknown, size = SIZE) => {
  const own = Dataset.range(size)
  return { ...own, name: "own", content, pipe: own.pipe } satisfies Dataset.Dataset<number>
}

const batches = (self: Dataset.Dataset<number, unknown>) => Pipeline.from(self).pipe(Pipeline.batch(50))

const opened = (self: Dataset.Dataset<number, unknown>) =>
  Effect.flatMap(Scheduler.open(batches(self), { epochs: 1 }), ({ cursor, take }) =>
    Effect.zipRight(take, Effect.exit(cursor))
  ).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 1 })), Effect.either, Effect.runPromise)

const failing = (at: number) => (index: number) => {
  if (index === at) throw new Error("the catalogue is gone")
  return index
}

test.each([SIZE, 10])("a function `content` that throws fails the run when it opens, of %d samples", async (size) => {
  const result = await opened(dataset(failing(0), size))
  if (Either.isRight(result)) throw new Error("it opened")
  expect(result.left).toBeInstanceOf(InvalidOption.InvalidOption)
  expect(String(result.left)).toContain('content of dataset "own"')
  expect(String(result.left)).toContain("content(0) threw Error: the catalogue is gone")
})

test("of small datasets all samples are asked for then; of large ones, the rest when a cursor is written", async () => {
  const small = await opened(dataset(failing(9), 10))
  expect(Either.isLeft(small) && String(small.left)).toContain("content(9)")
  const large = await opened(dataset(failing(1), SIZE))
  if (Either.isLeft(large)) throw large.left
  expect(large.right._tag === "Failure" && String(Cause.squash(large.right.cause))).toContain("content(1)")
  expect(() => Cursor.unseen(batches(dataset(failing(1))))).toThrow("content(1)")
})

test("samples that cannot be hashed tell nothing, and the run goes on", async () => {
  const getter = {
    get size(): number {
      throw new Error("not now")
    }
  }
  for (const sample of [() => 1, Symbol("s"), getter]) {
    const result = await opened(dataset(() => sample))
    expect(Either.isRight(result) && result.right._tag).toBe("Success")
    expect(Cursor.unseen(batches(dataset(() => sample)))).toEqual(['the content of dataset "own"'])
  }
})
