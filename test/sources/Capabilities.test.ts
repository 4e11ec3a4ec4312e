/**
 * What a dataset can do is known by its fields: a caller's own object with a field takes the path of the datasets made
 * here, and views pass it on. Paths are told by counting calls.
 */
import { describe, expect, test } from "bun:test"
import { Effect, Pipeable } from "effect"
import { Cursor, Dataset, furrow, InvalidOption, Pipeline, Tensor } from "../../src/index.ts"

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

/** A dataset of 10 samples as an untyped caller may make it. */
const own = (fields: Readonly<Record<string, unknown>>): Dataset.Dataset<{ readonly x: number }> => {
  const base = Dataset.fromArray(Array.from({ length: 10 }, (_, x) => ({ x })))
  // Whatever its fields are: the tests below look at what is said of wrong ones.
  return { ...base, size: 10, name: "mine", made: undefined, ...fields } as Dataset.Dataset<{ readonly x: number }>
}

const columnar = (x: unknown, place: unknown = (index: number) => index) =>
  own({ columnar: { fields: new Map([["x", x]]), place } })

const numbers = (length: number) => ({ _tag: "Numbers", data: new Uint8Array(length) })
const tensors = (length: number, width: unknown, shape: unknown = [2, 2]) => ({
  _tag: "Tensors",
  data: new Uint8Array(length),
  shape,
  width
})

test.each([
  [own({ read: 5 }), "read of dataset mine must be a function, got 5"],
  [own({ lineage: {} }), "lineage of dataset mine must be a function, got {}"],
  [own({ batched: "yes" }), 'batched of dataset mine must be true or false, got "yes"'],
  [own({ components: 0 }), "components of dataset mine must be a whole number of at least 1, got 0"],
  [own({ content: 5 }), "content of dataset mine must be a text, or a function of an index, got 5"],
  [own({ name: undefined }), "name of a dataset must be a text that is not empty, got undefined"],
  [own({ columnar: { x: new Uint8Array(10) } }), "columnar of dataset mine must be { fields, place }"],
  [columnar(numbers(10), 3), "columnar.place of dataset mine must be a function, got 3"],
  [columnar(numbers(7)), 'row of sample 9 in column "x" of dataset mine must be one of the 7 rows'],
  [
    columnar({ _tag: "Items", items: ["a"] }),
    'row of sample 9 in column "x" of dataset mine must be one of the 1 rows of the column'
  ],
  [columnar(tensors(28, 4)), 'row of sample 9 in column "x" of dataset mine must be one of the 7 rows'],
  [columnar(tensors(40, 3)), 'width of column "x" of dataset mine must be 4, the product of its shape [2, 2], got 3'],
  [
    columnar(tensors(40, 4, [2, -2])),
    'shape of column "x" of dataset mine must be a whole number of at least 0, got -2'
  ],
  [columnar(new Uint8Array(10)), 'column "x" of dataset mine must be { _tag: "Numbers", data }'],
  [columnar({ _tag: "Numbers", data: [1] }), 'column "x" of dataset mine must be { _tag: "Numbers", data }'],
  [columnar(numbers(10), (index: number) => index + 5), "row of sample 9 in column"],
  [columnar(numbers(10), () => Number.NaN), "row of sample 0 in column"],
  [Dataset.slice(columnar(numbers(7)), 2), 'in column "x" of dataset mine']
])("%#: a wrong field of a caller's dataset is refused when it enters a pipeline", (dataset, message) => {
  const entering = () => Pipeline.from(dataset)
  expect(entering).toThrow(InvalidOption.InvalidOption)
  expect(entering).toThrow(message)
})

test.each([0, 9])("a place that throws at sample %i is a DatasetError when the dataset enters a pipeline", (index) => {
  const cause = new Error("no row")
  const place = (at: number): number => {
    if (at === index) throw cause
    return at
  }
  let thrown: unknown
  try {
    Pipeline.from(columnar(numbers(10), place))
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ _tag: "DatasetError", dataset: "mine", index, cause })
})

test("columns of more or fewer rows than samples are valid where `place` says so; each row is checked", async () => {
  const taken = async (place: (index: number) => number, rows: number) => {
    await using run = furrow(Pipeline.from(columnar(numbers(rows), place)).pipe(Pipeline.batch(10)), { epochs: 1 })
    return await run.take().then((batch) => batch?.size, String)
  }
  expect(await taken((index) => index % 3, 3)).toBe(10)
  expect(await taken((index) => index + 90, 100)).toBe(10)
  const throwing = (index: number): number => {
    if (index === 6) throw new Error("no row")
    return index
  }
  expect(await taken(throwing, 10)).toContain("sample 6 of dataset mine cannot be read: no row")
  expect(await taken((index) => (index === 4 ? 12 : index), 10)).toContain(
    "sample 4 of dataset mine cannot be read: its columns have 10 rows, and columnar.place gives row 12"
  )
})
