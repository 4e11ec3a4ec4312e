/**
 * What a dataset can do is known by its fields: a caller's own object with a field takes the path of the datasets made
 * here, and views pass it on. Paths are told by counting calls.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Pipeable } from "effect"
import { Cursor, Dataset, furrow, Pipeline, Tensor } from "../../src/index.ts"

const SIZE = 24

interface Sample {
  readonly x: number
  readonly image: Tensor.Tensor<Uint8Array>
}

const columns = {
  x: Float64Array.from({ length: SIZE }, (_, index) => index * 1.5),
  image: Tensor.make(
    Uint8Array.from({ length: SIZE * 4 }, (_, index) => index),
    [SIZE, 2, 2]
  )
}
/** With the fields that datasets of columns have. */
type Full = Dataset.Dataset<Sample> & {
  readonly read: (index: number) => Sample
  readonly columnar: Dataset.Columnar
}
const ours = Dataset.fromColumns(columns, { name: "own" }) as Full // as the first test below says

/** A caller's dataset: methods of a class, which read its fields by `this`, and counts of their calls. */
class Own implements Dataset.Dataset<Sample> {
  readonly name = "own"
  readonly size = SIZE
  readonly calls = { get: 0, getMany: 0, read: 0 }
  readonly #ours = ours

  get(index: number) {
    this.calls.get++
    return this.#ours.get(index)
  }

  getMany(indices: ArrayLike<number>) {
    this.calls.getMany++
    return this.#ours.getMany(indices)
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: Effect's own way to pass a pipe's arguments on.
    return Pipeable.pipeArguments(this, arguments)
  }
}

class Reading extends Own {
  readonly #ours = ours

  read(index: number): Sample {
    this.calls.read++
    return this.#ours.read(index)
  }
}

class WithColumns extends Reading {
  readonly columnar = ours.columnar
}

/** What `concat` is given for its second part. */
const behind: Dataset.Dataset<Sample> = ours

type View = (dataset: Dataset.Dataset<Sample>) => Dataset.Dataset<Sample, Dataset.DatasetError>

/** Each view, over a dataset of 24 samples. */
const views: Readonly<Record<string, View>> = {
  "the dataset itself": (own) => own,
  slice: (own) => Dataset.slice(own, 3),
  subset: (own) => Dataset.subset(own, [5, 1, 1, 23]),
  split: (own) => Dataset.split(own, { a: 0.5, b: 0.5 }, { seed: 1 }).b,
  filter: (own) => {
    const kept = Effect.runSync(Effect.orDie(Dataset.filter(own, ({ x }) => x > 9)))
    return kept
  },
  withContent: (own) => Dataset.withContent(own, "1"),
  map: (own) => Dataset.map(own, (sample) => ({ ...sample, x: -sample.x })),
  concat: (own) => Dataset.concat(own, behind),
  "views of views": (own) => Dataset.slice(Dataset.concat(Dataset.subset(own, [9, 8, 7]), Dataset.slice(own, 20)), 1, 6)
}
const keepsColumns = ["the dataset itself", "slice", "subset", "split", "filter", "withContent"]

const batched = (dataset: Dataset.Dataset<Sample, Dataset.DatasetError>) =>
  Pipeline.from(dataset).pipe(Pipeline.batch(5, { dtypes: { x: "float32" } }))

const delivered = async (dataset: Dataset.Dataset<Sample, Dataset.DatasetError>) => {
  const batches: Array<unknown> = []
  for await (const { columns, indices } of furrow(batched(dataset), { epochs: 1 })) {
    const { image, x } = columns
    batches.push([Array.from(indices), Array.from(x.data), image.shape, Array.from(image.data)])
  }
  return batches
}

for (const [name, view] of Object.entries(views)) {
  describe(name, () => {
    test("over the four fields alone delivers what it delivers over a dataset made here", async () => {
      const own = new Own()
      const dataset = view(own)
      expect(await delivered(dataset)).toEqual(await delivered(view(ours)))
      expect(own.calls.getMany).toBeGreaterThan(0)
    })

    test("with read, no effect is run: it is called once a sample", async () => {
      const own = new Reading()
      const dataset = view(own)
      own.calls.getMany = own.calls.read = 0 // of what a filter looked at
      expect(await delivered(dataset)).toEqual(await delivered(view(ours)))
      const read = name === "concat" ? SIZE : dataset.size
      expect(own.calls).toEqual({ get: 0, getMany: 0, read })
    })

    test("with columns, nothing is read where the view keeps them", async () => {
      const own = new WithColumns()
      const dataset = view(own)
      own.calls.getMany = own.calls.read = 0
      expect(await delivered(dataset)).toEqual(await delivered(view(ours)))
      const read = keepsColumns.includes(name) ? 0 : name === "concat" ? SIZE : dataset.size
      expect(own.calls).toEqual({ get: 0, getMany: 0, read })
    })
  })
}

test("the datasets made here have the fields of what they can do", () => {
  const effectful = Dataset.effect({ size: 3, get: Effect.succeed })
  const batched = Dataset.effect({ size: 3, get: Effect.succeed, getMany: Effect.succeed })
  const can = ({ batched, columnar, read }: Dataset.Dataset<unknown, unknown>) =>
    [read && "read", columnar && "columnar", batched && "batched"].filter((own) => typeof own === "string").join()
  expect(can(ours)).toBe("read,columnar")
  expect([Dataset.fromArray([1]), Dataset.range(3), Dataset.make({ size: 1, get: String })].map(can)).toEqual([
    "read",
    "read",
    "read"
  ])
  expect([effectful, batched, Dataset.map(batched, String), Dataset.slice(batched, 1)].map(can)).toEqual([
    "",
    "batched",
    "batched",
    "batched"
  ])
  expect(can(Dataset.concat(Dataset.range(2), batched))).toBe("batched")
  expect(can(Dataset.concat(Dataset.range(2), effectful))).toBe("")
})

test("the content of a caller's columns is seen by cursors", async () => {
  const cursorOf = async (dataset: Dataset.Dataset<Sample>) => {
    const run = furrow(batched(dataset), { epochs: 1 })
    await run.take()
    const { cursor } = run
    await run.close()
    return cursor
  }
  const { columnar } = Dataset.fromColumns({ ...columns, x: columns.x.slice().with(7, 0) })
  const changed = Object.assign(new WithColumns(), { columnar })
  expect(Cursor.unseen(batched(new WithColumns()))).toEqual([])
  const cursor = await cursorOf(new WithColumns())
  const resumed = furrow(batched(changed), { epochs: 1, from: cursor })
  const next = resumed.take().then(String, String)
  expect(await next).toContain("dataset")
  expect(await next).toContain("CursorMismatch")
})
