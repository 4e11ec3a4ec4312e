import { expect, test } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { Batch, Dataset, furrow, Lineage, Pipeline, Scheduler, Workers } from "../../src/index.ts"
import { asked, carried, failing, files, type Origin } from "../support/threaded/origins.ts"

type Source = Dataset.Dataset<Origin, Dataset.DatasetError>

/** Samples with their lineage, as a test carries it along by hand. */
interface Oracle {
  readonly view: Source
  readonly expected: ReadonlyArray<Lineage.Lineage>
  /** How many datasets are joined in it. */
  readonly components: number
}

const plainSource = (name: string, size: number): Oracle => {
  const expected = Array.from({ length: size }, (_, row) => ({ dataset: name, row }))
  const items = expected.map((origin): Origin => ({ origin }))
  return { view: Dataset.fromArray(items, { name }), expected, components: 1 }
}

const effectfulSource = (name: string, size: number): Oracle => {
  const at = (index: number) => ({ shard: `${name}/${index}.png`, row: 0 })
  const expected = Array.from({ length: size }, (_, index) => ({ dataset: name, ...at(index) }))
  const get = (index: number) => Effect.succeed({ origin: { dataset: name, ...at(index) } })
  return { view: Dataset.effect({ name, size, get, lineage: at }), expected, components: 1 }
}

const filesSource = (name: string, size: number): Oracle => {
  const expected = Array.from({ length: size }, (_, index) => {
    return { dataset: name, shard: `${name}-${Math.floor(index / 3)}.jsonl`, row: index % 3 }
  })
  return { view: files(name, size), expected, components: 1 }
}

const joined = (one: Oracle, other: Oracle): Oracle => {
  const behind = (own: Lineage.Lineage, components: number) => ({
    ...own,
    component: components + (own.component ?? 0)
  })
  return {
    view: Dataset.concat(one.view, other.view),
    expected: [
      ...one.expected.map((own) => behind(own, 0)),
      ...other.expected.map((own) => behind(own, one.components))
    ],
    components: one.components + other.components
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constantFrom("map", "mapEffect", "reverse", "even", "declare") }),
  fc.record({ kind: fc.constantFrom("slice", "split"), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constantFrom("plain", "effectful", "files", "twice"), size: fc.nat(7) })
)

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const apply = (own: Oracle, given: Step, number: number): Oracle => {
  const { components, expected, view } = own
  if ("size" in given) {
    const name = `${given.kind} ${number}`
    if (given.kind === "twice") return expected.length < 60 ? joined(own, own) : own
    const source = given.kind === "plain" ? plainSource : given.kind === "effectful" ? effectfulSource : filesSource
    return joined(own, source(name, given.size))
  }
  if ("at" in given) {
    const start = Math.floor(given.at * expected.length)
    if (given.kind === "slice") return { components, view: Dataset.slice(view, start), expected: expected.slice(start) }
    const { b } = Dataset.split(view, { a: start, b: expected.length - start })
    return { components, view: b, expected: expected.slice(start) }
  }
  if (given.kind === "map") return { ...own, view: Dataset.map(view, (sample) => ({ ...sample })) }
  if (given.kind === "mapEffect") return { ...own, view: Dataset.mapEffect(view, (sample) => Effect.succeed(sample)) }
  if (given.kind === "declare") return { ...own, view: Dataset.withContent(view, `${number}`) }
  if (given.kind === "reverse") {
    const indices = expected.map((_, index) => expected.length - 1 - index)
    return { components, view: Dataset.subset(view, indices), expected: expected.toReversed() }
  }
  const even = Dataset.filter(view, ({ origin }) => origin.row % 2 === 0)
  return { components, view: Effect.runSync(Effect.orDie(even)), expected: expected.filter(({ row }) => row % 2 === 0) }
}

test("through random towers of views, a lineage is the one that was carried along by hand", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.nat(9), (steps, size) => {
      const { components, expected, view } = steps.reduce(apply, filesSource("first", size))
      expect(view.size).toBe(expected.length)
      expect(view.components ?? 1).toBe(components)
      for (const [index, own] of expected.entries()) {
        expect(Lineage.at(view, index)).toEqual(own)
        const { dataset, row, shard } = own
        expect(Effect.runSync(view.get(index)).origin).toEqual({
          dataset,
          row,
          ...(shard === undefined ? {} : { shard })
        })
      }
      expect(() => Lineage.at(view, expected.length)).toThrow(Dataset.IndexError)
    })
  )
})

test("joining datasets is associative: the parts are numbered as they were given, the empty ones, too", () => {
  const [a, b, c] = [Dataset.range(2, { name: "a" }), Dataset.range(0, { name: "b" }), Dataset.range(2, { name: "c" })]
  const all = [
    Dataset.concat(a, b, c),
    Dataset.concat(Dataset.concat(a, b), c),
    Dataset.concat(a, Dataset.concat(b, c))
  ]
  for (const own of all) {
    expect([0, 1, 2, 3].map((index) => Lineage.at(own, index))).toEqual([
      { dataset: "a", component: 0, row: 0 },
      { dataset: "a", component: 0, row: 1 },
      { dataset: "c", component: 2, row: 0 },
      { dataset: "c", component: 2, row: 1 }
    ])
  }
})

const threads = Workers.threads({
  workers: 2,
  pipeline: new URL("../support/threaded/origins.ts", import.meta.url),
  name: "carried"
})

for (const [name, workers] of [
  ["fibers", 3],
  ["threads", threads]
] as const) {
  test(`of a run's batches on ${name}: through views, sampler, filter and batch, and nothing is computed unless asked`, async () => {
    asked.count = 0
    const batches = []
    for await (const batch of furrow(carried, { seed: 7, epochs: 2, workers })) batches.push(Batch.copy(batch))
    expect(asked.count).toBe(0)
    for (const batch of batches) {
      const lineage = Lineage.ofBatch(carried, batch)
      expect(lineage.map(({ component: _, ...own }) => own)).toEqual(batch.columns)
      expect(lineage.map(({ component }) => component)).toEqual(
        batch.columns.map(({ dataset }) => "abc".indexOf(dataset))
      )
    }
    expect(batches.length).toBeGreaterThan(8)
    expect(asked.count).toBe(batches.reduce((sum, { size }) => sum + size, 0))
  }, 60_000)
}

const errorOf = async (workers: 1 | typeof threads): Promise<Scheduler.StageError> => {
  try {
    for await (const _ of furrow(failing, { seed: 7, epochs: 1, workers }));
  } catch (error) {
    return error as Scheduler.StageError // the one error of this pipeline
  }
  throw new Error("it did not fail")
}

test("a StageError and a report of what was skipped name shard and row, on fibers and threads", async () => {
  const lineage = { dataset: "c", component: 2, shard: "c-0.jsonl", row: 2 }
  const onThreads = Workers.threads({
    workers: 2,
    pipeline: new URL("../support/threaded/origins.ts", import.meta.url),
    name: "failing"
  })
  for (const workers of [1, onThreads] as const) {
    const error = await errorOf(workers)
    expect(error).toMatchObject({ _tag: "StageError", stage: "parse", lineage })
    expect(error.message).toContain("), row 2 of c-0.jsonl, component 2, worker")
    const reported: Array<unknown> = []
    const skip = {
      budget: { samples: 1 },
      report: ({ error }: { readonly error: Scheduler.StageError }) => void reported.push(error.lineage)
    }
    for await (const _ of furrow(failing, { seed: 7, epochs: 1, workers, failures: { skip } }));
    expect(reported).toEqual([lineage])
  }
}, 60_000)

test("a lineage that throws does not take the place of the error; one that says no more than the index is not told", async () => {
  const torn = (lineage?: (index: number) => { readonly row: number }) =>
    Pipeline.from(
      Dataset.make({
        name: "torn",
        size: 3,
        ...(lineage === undefined ? {} : { lineage }),
        get: (index): number => {
          if (index === 2) throw new Error("no page")
          return index
        }
      })
    ).pipe(Pipeline.batch(3))
  const failure = async (pipeline: ReturnType<typeof torn>) => {
    const run = furrow(pipeline, { epochs: 1 })
    return run[Symbol.asyncIterator]().next().then(String, String)
  }
  const thrower = () => {
    throw new Error("no footer")
  }
  const plain = await failure(torn())
  expect(plain).toContain("sample 2 (position 2, ordinal 2), worker")
  expect(await failure(torn(thrower))).toBe(plain)
  expect(await failure(torn((row) => ({ row })))).toBe(plain)
  expect(await failure(torn((index) => ({ row: index + 1 })))).toContain("ordinal 2), row 3 of torn, worker")
})

test("children are the batch's own", () => {
  const ten = Dataset.range(10, { name: "ten" })
  const batch = {
    epoch: 0,
    index: 0,
    rank: 0,
    worker: 0,
    size: 3,
    indices: Float64Array.of(4, 4, 5),
    children: Float64Array.of(0, 1, 0),
    columns: {}
  }
  const expected = [
    { dataset: "ten", row: 4, child: 0 },
    { dataset: "ten", row: 4, child: 1 },
    { dataset: "ten", row: 5, child: 0 }
  ]
  expect(Lineage.ofBatch(ten, batch)).toEqual(expected)
  const copy = Batch.copy(batch)
  batch.children.fill(9)
  expect(Lineage.ofBatch({ dataset: ten }, copy)).toEqual(expected)
  expect(expected.map(Lineage.format)).toEqual([
    "row 4 of ten, child 0",
    "row 4 of ten, child 1",
    "row 5 of ten, child 0"
  ])
})

test("a lineage function that gives something else takes nothing from the error of the sample", async () => {
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
  const throwing = { row: 1, dataset: "other" }
  Object.defineProperty(throwing, "shard", {
    get: () => {
      throw new Error("boo")
    }
  })
  const given = [
    null,
    5,
    [],
    revoked(),
    throwing,
    { dataset: "other", row: Symbol("row") },
    { dataset: "other", row: 1, shard: Object.create(null) },
    { dataset: "other", row: 1, child: Symbol("child") },
    Promise.resolve({ row: 1 })
  ]
  const { get, getMany, pipe, size } = Dataset.range(4)
  for (const lineage of given) {
    const dataset = Object.assign(
      { name: "mine", size, get, getMany, pipe },
      { lineage: () => lineage as Lineage.Lineage }
    )
    for (const own of [dataset, Dataset.concat(dataset, Dataset.range(2))]) {
      const pipeline = Pipeline.from(own).pipe(
        Pipeline.map("boom", (value) => {
          if (value === 3) throw new Error("the user's error")
          return value
        }),
        Pipeline.batch(4)
      )
      const run = furrow(pipeline, { epochs: 1, replay: true })
      const error: unknown = await run.take().catch((thrown) => thrown)
      await run.close()
      expect(error).toMatchObject({ _tag: "StageError", sample: 3 })
      expect(String((error as Error).message)).toContain("the user's error")
    }
  }
})

test("the message of an error does not throw, whatever lineage the error was made with", () => {
  const lineage = { dataset: "other", row: 1, shard: Object.create(null) } as Lineage.Lineage
  const at = { policy: "none", seed: "none", epoch: 0, rank: 0, world: 1, worker: 0, workers: 1, batch: 0 }
  const place = { sample: 3, position: 3, ordinal: 3, lineage, stage: "boom", cause: new Error("the user's error") }
  expect(new Scheduler.StageError({ ...at, ...place }).message).toContain("the user's error")
})

test("where there is no row, asking for a lineage fails, and an error of the sample has none", async () => {
  const source = (lineage: unknown) =>
    Dataset.make({ name: "w", size: 4, get: (index) => index, lineage: lineage as () => { row: number } }) // untyped code
  for (const lineage of [() => undefined, () => ({}), () => ({ row: "3" }), () => ({ row: 1, shard: 5 })]) {
    expect(() => Lineage.at(source(lineage), 2)).toThrow("sample 2 of dataset w cannot be read: its lineage gave ")
  }
  const broken = source(() => {
    throw new Error("mine")
  })
  expect(() => Lineage.at(broken, 1)).toThrow("sample 1 of dataset w cannot be read: mine")
})

test("an error has the lineage that Lineage.at gives, with the same fields", async () => {
  const dataset = Dataset.make({
    name: "w",
    size: 4,
    get: (index) => index,
    lineage: (row) => ({ shard: "a.tar", row })
  })
  const boom = (value: number): number => {
    if (value === 3) throw new Error("boom")
    return value
  }
  const pipeline = Pipeline.from(dataset).pipe(Pipeline.map("boom", boom), Pipeline.batch(4))
  await using run = furrow(pipeline, { epochs: 1 })
  const error = await run.take().catch((thrown: Scheduler.StageError) => thrown)
  const { lineage } = error as Scheduler.StageError // as the stage throws
  expect(Object.keys(lineage ?? {})).toEqual(Object.keys(Lineage.at(dataset, 3)))
  expect(lineage).toEqual(Lineage.at(dataset, 3))
})

test("what is no origin, index or batch is refused where it stands", () => {
  // As untyped code calls them.
  const own = Lineage as Record<"at" | "ofBatch", (...args: ReadonlyArray<unknown>) => unknown>
  const pipeline = Pipeline.from(Dataset.range(4)).pipe(Pipeline.batch(2))
  expect(() => own.ofBatch(pipeline, {})).toThrow("indices of the batch must be an array of numbers")
  expect(() => own.ofBatch({})).toThrow("indices of the batch must be an array of numbers")
  expect(() => own.ofBatch(pipeline)).toThrow("the batch must be a batch, or { indices }, got undefined")
  expect(() => own.ofBatch({}, { indices: [1] })).toThrow(
    "the origin of samples must be a dataset or a pipeline, got {}"
  )
  expect(() => own.at(pipeline)).toThrow("the index of a sample must be a number, got undefined")
  expect(() => own.at("3")).toThrow('the index of a sample must be a number, got "3"')
  expect(Lineage.ofBatch({ indices: [2] })(pipeline)).toEqual(Lineage.ofBatch(pipeline, { indices: [2] }))
  expect(Lineage.at(3)(pipeline)).toEqual({ dataset: "range", row: 3 })
})
