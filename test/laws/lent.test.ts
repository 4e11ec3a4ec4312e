/**
 * Lend where it is safe, own where it is not. Batches that are taken, streamed or iterated over stay what they were when they
 * were delivered, to the end of the run and after it; batches of `forEach` can be read in their step, and are stale behind
 * it; what is disposed is used again, and no other batch sees it.
 */
import { describe, expect, test } from "bun:test"
import { Chunk, Effect, Layer, Option, Schedule, Stream } from "effect"
import fc from "fast-check"
import {
  Batch,
  Dataset,
  FailurePolicy,
  furrow,
  Image,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  Tensor,
  Workers
} from "../../src/index.ts"
import { collect } from "../support/collect.ts"
import type { PartialOptions } from "../support/options.ts"
import { type Config, type Kind, kinds, lendable } from "../support/threaded/lendable.ts"

const TIME = 120_000
const module = new URL("../support/threaded/lendable.ts", import.meta.url)

type Delivered = Batch.Delivered<unknown>

/** All numbers of a batch, as they are now. */
const contentOf = ({ worker: _, ...batch }: Batch.Batch<unknown>): unknown => {
  const read = (value: unknown): unknown => {
    if (value instanceof Tensor.Tensor) return [value.dtype, value.shape, Array.from(value.data, Number)]
    if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array) // the columns hold no DataView
    if (value instanceof Map) return [...value].map(([key, own]) => [key, read(own)])
    if (Array.isArray(value)) return value.map(read)
    if (typeof value === "object" && value !== null) return Object.entries(value).map(([key, own]) => [key, read(own)])
    return value
  }
  return read(batch)
}

/** Every tensor of a batch. */
const tensorsOf = (value: unknown): ReadonlyArray<Tensor.Tensor> => {
  if (value instanceof Tensor.Tensor) return [value as Tensor.Tensor]
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value)
    ? Object.values(value).flatMap(tensorsOf)
    : []
}

type Backend = "fibers" | "threads" | "auto"

const workersOf = (backend: Backend, workers: number, config: Config): Layer.Layer<Workers.Workers, unknown> => {
  const threaded = { workers, threads: 2, pipeline: module, name: "lendable", config, debug: true }
  if (backend === "threads") return Workers.threads(threaded)
  return backend === "auto" ? Workers.auto(threaded) : Workers.fibers({ workers, debug: true })
}

interface Setting {
  readonly backend: Backend
  readonly kind: Kind
  readonly workers: number
  readonly world: number
  readonly retry: boolean
  readonly options?: PartialOptions
}

const EPOCHS = 2

const opened = <A, E>(
  { backend, kind, options = {}, retry, workers, world }: Setting,
  use: (loader: Scheduler.Loader<unknown, unknown>) => Effect.Effect<A, E>
): Promise<A> => {
  const config: Config = { kind, fails: retry }
  return Effect.flatMap(
    Scheduler.open(lendable(config), {
      epochs: EPOCHS,
      replay: true,
      ...(world === 1 ? {} : { rank: world - 1, world, uneven: "drop" }),
      ...options,
      // A Map has no digest.
      ...(kind === "kept by a collate" ? { digest: false, verify: 0 } : {})
    }),
    use
  ).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(
        SeedPolicy.elastic({ seed: 5 }),
        workersOf(backend, workers, config),
        retry ? FailurePolicy.retry(Schedule.recurs(2)) : FailurePolicy.fail
      )
    ),
    Effect.runPromise
  )
}

/** What a run delivers, copied in the step of each batch. */
const delivered = (setting: Setting): Promise<ReadonlyArray<unknown>> => {
  const all: Array<unknown> = []
  return opened(setting, (loader) =>
    Effect.as(
      loader.forEach((batch) => Effect.sync(() => all.push(contentOf(batch)))),
      all
    )
  )
}

/** The batches of a run, all kept. */
const kept = (
  setting: Setting,
  by: "take" | "stream" | "epochs",
  seen: (batch: Delivered) => void = () => undefined
): Promise<ReadonlyArray<Delivered>> =>
  opened(setting, (loader) => {
    const noted = (batch: Delivered): Delivered => {
      seen(batch)
      return batch
    }
    if (by === "stream") return Effect.map(Stream.runCollect(Stream.map(loader.stream, noted)), Chunk.toReadonlyArray)
    if (by === "epochs") {
      const all = Stream.flatMap(loader.epochs, ({ stream }) => Stream.map(stream, noted))
      return Effect.map(Stream.runCollect(all), Chunk.toReadonlyArray)
    }
    return Effect.gen(function* () {
      const all: Array<Delivered> = []
      for (;;) {
        const next = yield* loader.take
        if (Option.isNone(next)) return all
        all.push(noted(next.value))
      }
    })
  })

const settings = (backend: fc.Arbitrary<Backend>): fc.Arbitrary<Setting> =>
  fc.record({
    backend,
    kind: fc.constantFrom(...kinds),
    workers: fc.integer({ min: 1, max: 3 }),
    world: fc.constantFrom(1, 1, 3),
    retry: fc.boolean(),
    options: fc.record({
      prefetch: fc.integer({ min: 1, max: 4 }),
      digest: fc.boolean(),
      verify: fc.constantFrom(0, 2)
    })
  })

const onAll: ReadonlyArray<readonly [string, Backend, number]> = [
  ["fibers", "fibers", 25],
  ["threads", "threads", 3],
  ["auto", "auto", 4]
]

describe.each(onAll)("on %s", (_, backend, numRuns) => {
  test(
    "batches that are kept stay what they were, whoever takes them",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          settings(fc.constant(backend)),
          fc.constantFrom("take" as const, "stream" as const, "epochs" as const),
          async (setting, by) => {
            const seen: Array<unknown> = []
            const all = await kept(setting, by, (batch) => seen.push(contentOf(batch)))
            expect(seen).toEqual([...(await delivered(setting))])
            expect(all.map(contentOf)).toEqual(seen)
          }
        ),
        { numRuns }
      )
    },
    TIME
  )

  test(
    "some are disposed: those have stale tensors, the others stay what they were",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          settings(fc.constant(backend)),
          fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
          async (setting, disposes) => {
            const expected = await delivered(setting)
            const before: Array<ReadonlyArray<Tensor.Tensor>> = []
            const gone: Array<number> = []
            const all = await kept(setting, "take", (batch) => {
              const own = before.length
              before.push(tensorsOf(batch.columns))
              expect(contentOf(batch)).toEqual(expected[own])
              if (disposes[own % disposes.length] !== true) return
              gone.push(own)
              batch[Symbol.dispose]()
              batch[Symbol.dispose]()
            })
            all.forEach((batch, own) => {
              if (!gone.includes(own)) expect(contentOf(batch)).toEqual(expected[own])
              // What is put together after a failure lies in ordinary memory.
              else if (setting.kind === "images" && !setting.retry) {
                const images = before[own]?.find(({ shape }) => shape.length === 4)
                if (images !== undefined && batch.size > 0) expect(() => images.data).toThrow(Batch.StaleBatch)
              }
            })
          }
        ),
        { numRuns: Math.ceil(numRuns / 2) }
      )
    },
    TIME
  )

  test(
    "batches of forEach are stale behind their step, and those that are held or copied are not",
    async () => {
      const setting: Setting = { backend, kind: "images", workers: 2, world: 1, retry: false }
      const expected = await delivered(setting)
      const before: Array<Tensor.Tensor> = []
      const copies: Array<Batch.Batch<unknown>> = []
      let held: Delivered | undefined
      let letGo: (() => void) | undefined
      await opened(setting, (loader) =>
        Effect.gen(function* () {
          yield* loader.forEach((batch) =>
            Effect.sync(() => {
              for (const tensor of before) expect(() => tensor.data).toThrow(Batch.StaleBatch)
              copies.push(Batch.copy(batch))
              if (batch.epoch === 0 && batch.index === 1) {
                held = batch
                letGo = Batch.hold(batch)
              } else before.push(...tensorsOf(batch.columns).filter(({ shape }) => shape.length === 4))
            })
          )
          // Of the last one, too.
          for (const tensor of before) expect(() => tensor.data).toThrow(Batch.StaleBatch)
          expect(before.length).toBe(expected.length - 1)
          if (held === undefined) throw new Error("there is no second batch")
          expect(contentOf(held)).toEqual(expected[1])
          letGo?.()
          expect(() => held === undefined || Batch.copy(held)).toThrow("given back")
        })
      )
      expect(copies.map(contentOf)).toEqual([...expected])
    },
    TIME
  )

  test(
    "what a stage has added beside the columns is copied with the batch",
    async () => {
      const setting: Setting = { backend, kind: "beside columns", workers: 2, world: 1, retry: false }
      const expected = await delivered(setting)
      expect(JSON.stringify(expected)).toContain('["weights",["float64",[2],[1,3]]]')
      expect((await kept(setting, "take")).map(contentOf)).toEqual([...expected])
      const copies: Array<Batch.Batch<unknown>> = []
      await opened(setting, (loader) => loader.forEach((batch) => Effect.sync(() => copies.push(Batch.copy(batch)))))
      expect(copies.map(contentOf)).toEqual([...expected])
    },
    TIME
  )

  test(
    "a batch that a step has put together from a lent one can be held",
    async () => {
      const setting: Setting = { backend, kind: "images", workers: 2, world: 1, retry: false }
      const expected = await delivered(setting)
      const held: Array<Batch.Batch<unknown>> = []
      const letGo: Array<() => void> = []
      let stale: Batch.Batch<unknown> | undefined
      await opened(setting, (loader) =>
        loader.forEach((batch) =>
          Effect.sync(() => {
            if (stale !== undefined) {
              const mixed = { ...batch, columns: new Map([["before", [stale.columns]]]) }
              expect(() => Batch.hold(mixed)).toThrow(Batch.StaleBatch)
              stale = undefined
            } else if (batch.index === 2) stale = { ...batch }
            if (held.length > 1) return
            held.push({ ...batch })
            // The second is held as a part of another.
            letGo.push(Batch.hold(held.length === 1 ? { ...batch } : { ...batch, columns: [{ own: batch.columns }] }))
          })
        )
      )
      expect(stale).toBeUndefined()
      expect(held.map(contentOf)).toEqual(expected.slice(0, 2))
      for (const own of letGo) own()
      for (const batch of held) {
        const image = tensorsOf(batch.columns).find(({ shape }) => shape.length === 4)
        expect(() => image?.data).toThrow(Batch.StaleBatch)
        expect(() => Batch.hold(batch)).toThrow(Batch.StaleBatch)
      }
    },
    TIME
  )

  test(
    "a step that fails ends the loan, too",
    async () => {
      let image: Tensor.Tensor | undefined
      await opened({ backend, kind: "images", workers: 1, world: 1, retry: false }, (loader) =>
        Effect.flip(
          loader.forEach((batch) => {
            image = tensorsOf(batch.columns).find(({ shape }) => shape.length === 4)
            return Effect.fail("the step failed")
          })
        )
      )
      expect(image).toBeDefined()
      expect(() => image?.data).toThrow(Batch.StaleBatch)
    },
    TIME
  )
})

test("a pool of memory is bounded, and what is given back is used again", async () => {
  const buffers = new Set<ArrayBufferLike>()
  let batches = 0
  for await (const batch of furrow(lendable({ kind: "images", fails: false }), { seed: 1, epochs: 20 })) {
    const images = tensorsOf(batch.columns).find(({ shape }) => shape.length === 4)
    // A short batch at an epoch's end has memory of another size.
    if (images !== undefined) buffers.add(images.data.buffer)
    expect(images?.data.buffer).toBeInstanceOf(ArrayBuffer)
    batches++
    batch[Symbol.dispose]()
  }
  expect(batches).toBeGreaterThan(40)
  expect(buffers.size).toBe(2)
})

describe("columns", () => {
  const pipeline = lendable({ kind: "columns", fails: false })
  const wideOf = (batch: Batch.Batch<unknown>): Tensor.Tensor => {
    const own = tensorsOf(batch.columns).find(({ shape }) => shape[1] === 350)
    if (own === undefined) throw new Error("there is no such column")
    return own
  }
  /** Batches of six rows: the last one of an epoch is not worth lending. */
  const isWhole = ({ size }: Batch.Batch<unknown>): boolean => size === 6

  test("of forEach lie in memory that is used again, unless they are held", async () => {
    const setting: Setting = { backend: "fibers", kind: "columns", workers: 1, world: 1, retry: false }
    const expected = await delivered(setting)
    const buffers = new Set<ArrayBufferLike>()
    const stale: Array<Tensor.Tensor> = []
    let held: Delivered | undefined
    let letGo: (() => void) | undefined
    await furrow(pipeline, { policy: SeedPolicy.elastic({ seed: 5 }), epochs: EPOCHS, replay: true }).forEach(
      (batch) => {
        for (const tensor of stale) expect(() => tensor.data).toThrow(Batch.StaleBatch)
        if (!isWhole(batch)) return
        buffers.add(wideOf(batch).data.buffer)
        if (batch.epoch === 0 && batch.index === 1) {
          held = batch
          letGo = Batch.hold(batch)
        } else stale.push(wideOf(batch))
      }
    )
    expect(stale).toHaveLength(11)
    // One at a time, and the one that is held.
    expect(buffers.size).toBe(2)
    expect(held && contentOf(held)).toEqual(expected[1])
    letGo?.()
    expect(() => held && Batch.copy(held)).toThrow("given back")
  })

  test("that are taken for good are not copied, and those that are given back are used again", async () => {
    const buffers: Array<ArrayBufferLike> = []
    for await (const batch of furrow(pipeline, { seed: 1, epochs: 3 })) {
      if (!isWhole(batch)) continue
      const { data } = wideOf(batch)
      buffers.push(data.buffer)
      expect(data.buffer).toBeInstanceOf(ArrayBuffer)
      // Every third one is kept.
      if (buffers.length % 3 > 0) batch[Symbol.dispose]()
    }
    expect(buffers).toHaveLength(18)
    expect(new Set(buffers).size).toBeLessThanOrEqual(6 + 3)
  })

  test("that a stage behind batch has seen are not lent", async () => {
    const seen = lendable({ kind: "columns behind batch", fails: false })
    await furrow(seen, { seed: 1, epochs: 2, workers: Workers.fibers({ workers: 1, debug: true }) }).forEach(
      (batch) => {
        const { raw } = batch.columns as { readonly raw: Int32Array } // as the stage has it
        const first = Array.from(batch.indices, (_, row) => raw[row * 350])
        expect(first).toEqual(Array.from(batch.indices, (index) => (index * 350 * 31) % 25_111))
      }
    )
  })

  test("that are sent elsewhere are not used again", async () => {
    for await (const batch of furrow(pipeline, {
      seed: 1,
      epochs: 2,
      workers: Workers.fibers({ workers: 1, debug: true })
    })) {
      const { data } = wideOf(batch)
      expect(data.length).toBe(350 * batch.size)
      structuredClone(data, { transfer: [data.buffer as ArrayBuffer] })
      batch[Symbol.dispose]()
    }
  })
})

test("what a stage adds to a batch is delivered under whatever name", async () => {
  const tag = Symbol("tag")
  const names = ["constructor", "toString", "__proto__", "more"]
  const added = { ...Object.fromEntries(names.map((name, at) => [name, at])), [tag]: 4 }
  const pipeline = Pipeline.from(Dataset.range(2)).pipe(
    Pipeline.batch(2),
    Pipeline.map("add", (batch) => Object.defineProperties({ ...batch }, Object.getOwnPropertyDescriptors(added)))
  )
  await using run = furrow(pipeline, { epochs: 1 })
  const batch = await run.take()
  if (batch === undefined) throw new Error("there is a batch")
  for (const name of Reflect.ownKeys(added)) {
    expect(Object.getOwnPropertyDescriptor(batch, name)?.value).toBe(Reflect.get(added, name))
  }
  batch[Symbol.dispose]()
})

test("equality, copies and threads see a batch and nothing else", async () => {
  const run = furrow(lendable({ kind: "images", fails: false }), { seed: 1, epochs: 1, replay: true })
  const batch = await run.take()
  await run.close()
  if (batch === undefined) throw new Error("there is no batch")
  const names = ["columns", "epoch", "index", "indices", "rank", "size", "worker"]
  expect(Object.keys(batch).toSorted()).toEqual(names)
  expect(Reflect.ownKeys(batch)).toHaveLength(names.length)
  const { columns, epoch, index, indices, rank, size, worker } = batch
  const fields: unknown = { columns, epoch, index, indices, rank, size, worker }
  expect(batch).toEqual(fields as typeof batch) // its fields, and nothing that could be disposed
  expect({ ...batch }).toEqual(fields as typeof batch) // as above
  const copy = Batch.copy(batch)
  const images = tensorsOf(batch.columns).find(({ shape }) => shape.length === 4)
  batch[Symbol.dispose]()
  expect(() => images?.data).toThrow("given back")
  expect(() => Batch.hold(batch)).toThrow(Batch.StaleBatch)
  expect(tensorsOf(copy.columns).every(({ data }) => data.length > 0)).toBe(true)
})

describe("the dataset's own memory", () => {
  // Columns of the dataset's lie in the same buffer as what is lent. In batches of one, any order is one behind the other.
  test.each([
    [4, Sampler.sequential],
    [1, Sampler.shuffle]
  ])("is not lent: a step may write to its batch of %d", async (size, sampler) => {
    const mask = Tensor.resident("uint8", [8, 4])
    mask.data.fill(1)
    const image = Tensor.resident("uint8", [8, 4, 4, 1])
    image.data.fill(100)
    const pipeline = Pipeline.from(Dataset.fromColumns({ mask, image })).pipe(
      Pipeline.sample(sampler),
      Pipeline.filter("keep", () => true),
      Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.5 })),
      Pipeline.batch(size)
    )
    const seen = new Set<number>()
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 3, replay: true })
      yield* loader.forEach(({ columns }) =>
        Effect.sync(() => {
          for (const value of columns.mask.data) seen.add(value)
          columns.mask.data.fill(2)
          columns.image.data.fill(2)
        })
      )
    })
    await Effect.runPromise(
      run.pipe(
        Effect.scoped,
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.provide(SeedPolicy.epochWorker({ seed: 1 }))
      )
    )
    expect([...seen]).toEqual([1])
    expect(new Set(mask.data)).toEqual(new Set([1]))
    expect(new Set(image.data)).toEqual(new Set([100]))
  })
})

describe("memory that nobody gives back", () => {
  const SHAPE = [64, 28, 28, 1]
  const filled = (value: number) =>
    Pipeline.from(
      Dataset.fromColumns({ image: Tensor.make(new Uint8Array(64 * 28 * 28).fill(value), SHAPE) }, { name: "filled" })
    ).pipe(Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.5 })), Pipeline.batch(8))
  /** Collects garbage, and then writes to all memory that is free. */
  const overwritten = async (): Promise<void> => {
    await collect()
    for (let run = 0; run < 3; run++) {
      const others = furrow(filled(7), { epochs: 1, replay: true, lend: true, workers: 4 })
      for await (const { columns } of others) expect(columns.image.data.length).toBe(8 * 28 * 28)
    }
  }
  const isWhole = (data: Float32Array): boolean => data.every((value) => value === data[0]) && data[0] === 1

  test("is kept while a batch is held, though the batch is garbage", async () => {
    const all: Array<Float32Array> = []
    const held: Array<() => void> = []
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(filled(255), { epochs: 1, replay: true })
      yield* loader.forEach((batch) =>
        Effect.sync(() => {
          // Of every other one nobody keeps what lets go.
          const letGo = Batch.hold(batch)
          if (batch.index % 2 === 0) held.push(letGo)
          all.push(batch.columns.image.data)
        })
      )
    })
    await Effect.runPromise(run.pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 1 }))))
    await overwritten()
    expect(all.map(isWhole)).toEqual(all.map(() => true))
    expect(all).toHaveLength(8)
    // What is let go is used again.
    for (const letGo of held) letGo()
    await overwritten()
    expect(all.filter((_, at) => at % 2 === 1).every(isWhole)).toBe(true)
  })

  test("is kept for the last batch of a run, until it is closed", async () => {
    const all: Array<Float32Array> = []
    // Closed at the end: a run that stays open governs the random numbers of the tests behind this one.
    const runs = Array.from({ length: 8 }, () => furrow(filled(255), { epochs: 1, replay: true, lend: true }))
    for (const run of runs) {
      const batch = await run.take()
      if (batch !== undefined) all.push(batch.columns.image.data)
    }
    await overwritten()
    for (const run of runs) await run.close()
    expect(all.map(isWhole)).toEqual(all.map(() => true))
    expect(all).toHaveLength(8)
  })

  test("is given back when the run is closed, which the reader of a tensor hears of", async () => {
    let lent: Tensor.Tensor | undefined
    for await (const batch of furrow(filled(255), { epochs: 1, replay: true, lend: true })) {
      lent = batch.columns.image
      expect(lent.data[0]).toBe(1)
      break
    }
    expect(() => lent?.data).toThrow(Batch.StaleBatch)
  })
})
