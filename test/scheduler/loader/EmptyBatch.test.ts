/**
 * What a rank delivers for a batch of which it has no rows.
 */
import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Fiber, Layer, Option, Stream } from "effect"
import {
  type Batch,
  Dataset,
  Digest,
  FailurePolicy,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  Tensor,
  Workers
} from "../../../src/index.ts"
import { DigestChain } from "../../../src/scheduler/loader/DigestChain.ts"

const layer = (workers: number) => Layer.merge(SeedPolicy.elastic({ seed: 1 }), Workers.fibers({ workers }))

const collect = <C, E>(
  pipeline: Pipeline.Pipeline<Batch.Batch<C>, E, SeedPolicy.SeedPolicy>,
  options: Scheduler.Options,
  workers = 2
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, options)
    const batches = Array.from(yield* Stream.runCollect(loader.stream))
    return {
      batches,
      cursor: yield* loader.cursor,
      digest: options.digest === true ? yield* loader.digest : undefined,
      stats: yield* loader.stats
    }
  }).pipe(Effect.scoped, Effect.provide(layer(workers)), Effect.runPromise)

/** Batch b of 4 holds the numbers 4b to 4b + 3; rank 0 of 2 has the first two of them. */
const keeping = (keeps: (x: number) => boolean, size = 16) =>
  Pipeline.from(Dataset.range(size)).pipe(Pipeline.filter("some", keeps), Pipeline.batch(4))

const steps = (batches: ReadonlyArray<Batch.Batch<unknown>>) =>
  batches.map(({ epoch, index, size }) => [epoch, index, size])

describe("13 rows in batches of 4 over 2 ranks", () => {
  const thirteen = Pipeline.from(Dataset.range(13)).pipe(Pipeline.batch(4))
  const opened = (ranks: { readonly rank: number; readonly world: number }) =>
    Effect.scoped(Scheduler.open(thirteen, { epochs: 1, ...ranks })).pipe(
      Effect.provide(layer(1)),
      Effect.either,
      Effect.runPromise
    )

  test("are refused when the run opens, with the figures and the ways out", async () => {
    for (const rank of [0, 1]) {
      const refused = await opened({ rank, world: 2 })
      expect(refused).toMatchObject({ _tag: "Left", left: { _tag: "InvalidOption", option: "uneven", value: "error" } })
      const { message } = refused._tag === "Left" ? refused.left : { message: "" }
      for (const said of ['"pad"', '"drop"', '"error"', "13 samples", "batches of 4", "over 2 ranks", "leave 1 for"]) {
        expect(message).toContain(said)
      }
    }
    expect((await opened({ rank: 0, world: 1 }))._tag).toBe("Right")
  })

  test("are four batches for both with pad, three with drop", async () => {
    for (const [uneven, indices] of [
      ["pad", [12, 0, 1, 2]],
      ["drop", [8, 9, 10, 11]]
    ] as const) {
      const ranks = await Promise.all(
        [0, 1].map((rank) => collect(thirteen, { epochs: 1, rank, world: 2, uneven }, 1 + rank))
      )
      const last = ranks.map(({ batches }) => batches.at(-1))
      expect(ranks.map(({ batches }) => batches.length)).toEqual(uneven === "pad" ? [4, 4] : [3, 3])
      expect(last.flatMap((batch) => Array.from(batch?.indices ?? []))).toEqual([...indices])
      const alone = await collect(thirteen, { epochs: 1, uneven })
      expect(Array.from(alone.batches.at(-1)?.indices ?? [])).toEqual([...indices])
    }
  })

  test("`uneven` against what the batch stage says is refused, and so is what is none", async () => {
    for (const [own, uneven, said] of [
      [{ padLast: true }, "drop", "padLast: true"],
      [{ dropLast: true }, "pad", "dropLast: true"],
      [{}, "keep", '"pad", "drop" or "error"']
    ] as const) {
      const error = await Scheduler.open(Pipeline.from(Dataset.range(13)).pipe(Pipeline.batch(4, own)), {
        epochs: 1,
        uneven: uneven as "pad" // "keep" is what a caller without types can give
      }).pipe(Effect.scoped, Effect.flip, Effect.provide(layer(1)), Effect.runPromise)
      expect(error).toMatchObject({ _tag: "InvalidOption", option: "uneven", value: uneven })
      expect(error.message).toContain(said)
    }
  })
})

describe("a batch of which a rank has no rows", () => {
  test("is delivered with size 0 and the columns of the others, without rows, wherever it comes", async () => {
    const pipeline = Pipeline.from(Dataset.range(24)).pipe(
      Pipeline.filter("some", (x) => x === 9 || x === 17),
      Pipeline.map("record", (x) => ({
        image: Tensor.make(new Uint8Array(6).fill(x), [2, 3, 1]),
        label: x,
        flag: true,
        name: `sample ${x}`,
        meta: { tokens: [x, x + 1], big: 7n },
        bytes: new Uint16Array([1, 2])
      })),
      Pipeline.batch(4, { dtypes: { label: "int32" } })
    )
    const { batches, stats } = await collect(pipeline, { epochs: 2, rank: 0, world: 2, prefetch: 1 }, 1)
    expect(steps(batches)).toEqual(
      [0, 1].flatMap((epoch) => [0, 1, 2, 3, 4, 5].map((index) => [epoch, index, index === 2 || index === 4 ? 1 : 0]))
    )
    expect(stats).toMatchObject({ batches: 12, samples: 4 })
    const empty = {
      image: Tensor.make(new Uint8Array(0), [0, 2, 3, 1]),
      label: Tensor.make(new Int32Array(0), [0]),
      flag: Tensor.make(new Uint8Array(0), [0]),
      name: [],
      meta: {
        tokens: Tensor.make(new Float64Array(0), [0, 2]),
        big: Tensor.make(new BigInt64Array(0), [0])
      },
      bytes: Tensor.make(new Uint16Array(0), [0, 2])
    }
    for (const { columns, indices, rank, size, worker } of batches) {
      if (size > 0) continue
      expect(columns).toEqual(empty)
      expect(columns.image.data).toBeInstanceOf(Uint8Array)
      expect(indices).toEqual(new Float64Array(0))
      expect([rank, worker]).toEqual([0, 0])
    }
    // Each has columns of its own: to write to one changes no other.
    expect(new Set(batches.map(({ columns }) => columns.meta)).size).toBe(12)
  })

  test("is not delivered by a rank that is alone", async () => {
    const { batches, stats } = await collect(
      keeping((x) => x === 9),
      { epochs: 1 }
    )
    expect(steps(batches)).toEqual([[0, 2, 1]])
    expect(stats.batches).toBe(1)
  })

  test("of a rank that never has any has an empty record of columns, and the run ends", async () => {
    const { batches, cursor } = await collect(
      keeping(() => false),
      { epochs: 2, rank: 1, world: 2, prefetch: 1 }
    )
    expect(steps(batches)).toEqual([0, 1].flatMap((epoch) => [0, 1, 2, 3].map((index) => [epoch, index, 0])))
    expect(batches.every(({ columns }) => Object.keys(columns).length === 0)).toBe(true)
    expect(cursor).toMatchObject({ epoch: 2, batch: 0, batches: 8, samples: 0 })
  })

  test("calls no function of the user's: neither collate nor what stands behind batch", async () => {
    const calls: Array<string> = []
    const pipeline = Pipeline.from(Dataset.range(24)).pipe(
      Pipeline.filter("some", (x) => x === 9 || x === 17),
      Pipeline.batchWith(4, (samples: ReadonlyArray<number>) => {
        calls.push(`collate ${samples}`)
        return { x: Tensor.make(Float32Array.from(samples), [samples.length]), note: "mine", scale: 2 }
      }),
      Pipeline.map("behind", (batch) => {
        calls.push(`behind ${batch.size}`)
        return { ...batch, columns: { ...batch.columns, twice: batch.columns.x } }
      })
    )
    const { batches } = await collect(pipeline, { epochs: 1, rank: 0, world: 2 }, 1)
    expect(calls).toEqual(["collate 9", "behind 1", "collate 17", "behind 1"])
    const none = Tensor.make(new Float32Array(0), [0])
    expect(batches.map(({ columns, size }) => (size > 0 ? undefined : columns))).toEqual(
      [0, 1, 2, 3, 4, 5].map((index) =>
        index === 2 || index === 4 ? undefined : { x: none, note: "mine", scale: 2, twice: none }
      )
    )
  })

  test("is one whose samples the failure policy left out; what was left out is told in its place", async () => {
    const pipeline = Pipeline.from(Dataset.range(16)).pipe(
      Pipeline.map("picky", (x) => {
        if (x % 8 < 2) throw new Error(`no ${x}`)
        return x
      }),
      Pipeline.batch(4)
    )
    const told: Array<number> = []
    const skip = FailurePolicy.skip({
      budget: { share: 1 },
      report: ({ samples }) => Effect.sync(() => void told.push(samples))
    })
    const run = Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 1, rank: 0, world: 2 })
      const seen: Array<readonly [size: number, told: number]> = []
      yield* loader.forEach(({ size }) => Effect.sync(() => seen.push([size, told.reduce((sum, own) => sum + own, 0)])))
      return { seen, stats: yield* loader.stats }
    }).pipe(Effect.scoped, Effect.provide(layer(2)), Effect.provide(skip), Effect.runPromise)
    expect(await run).toMatchObject({
      seen: [
        [0, 2],
        [2, 2],
        [0, 4],
        [2, 4]
      ],
      stats: { batches: 4, samples: 4, skipped: 4 }
    })
  })

  test("is no part of the digest, which is that of the batches with rows", async () => {
    const options = { epochs: 2, rank: 0, world: 2, digest: true }
    const { batches, digest } = await collect(
      keeping((x) => x >= 8),
      options
    )
    const chain = new DigestChain()
    for (const { columns, size } of batches) chain.add(size === 0 ? undefined : Digest.ofColumns(columns))
    expect(digest).toBe(chain.value)
    const without = await collect(
      keeping((x) => x >= 8),
      { ...options, digest: false }
    )
    expect(without.batches).toEqual(batches)
  })

  test("is the same where the run goes on from it, in whatever order and however far ahead batches are made", async () => {
    const pipeline = keeping((x) => x % 16 === 9, 48)
    const options = { epochs: 2, rank: 0, world: 2 }
    const whole = await collect(pipeline, options)
    expect(whole.batches.filter(({ size }) => size > 0)).toHaveLength(6)
    for (const [workers, prefetch] of [
      [1, 1],
      [3, 4]
    ] as const) {
      expect((await collect(pipeline, { ...options, prefetch }, workers)).batches).toEqual(
        whole.batches.map((batch) => ({ ...batch, worker: batch.index % workers }))
      )
    }
    const ready = await collect(pipeline, { ...options, order: "ready" }, 3)
    expect(steps(ready.batches).toSorted()).toEqual(steps(whole.batches).toSorted())
    for (let count = 0; count <= whole.batches.length; count++) {
      const part = await Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, options)
        for (let at = 0; at < count; at++) yield* loader.take
        return yield* loader.cursor
      }).pipe(Effect.scoped, Effect.provide(layer(2)), Effect.runPromise)
      expect(part.batches).toBe(count)
      const rest = await collect(pipeline, { ...options, from: part })
      // The last rows of a run can lie behind it: then there are none to show what columns there are.
      const known = rest.batches.some(({ size }) => size > 0)
      expect(steps(rest.batches)).toEqual(steps(whole.batches.slice(count)))
      if (known) expect(rest.batches).toEqual(whole.batches.slice(count))
    }
  })

  test("held back until columns are known, is neither lost by an interrupt nor counted before it is delivered", async () => {
    await Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const pipeline = Pipeline.from(Dataset.range(16)).pipe(
        Pipeline.mapEffect("slow", (x) => (x < 8 ? Effect.succeed(x) : Effect.as(Deferred.await(gate), x))),
        Pipeline.filter("some", (x) => x >= 8),
        Pipeline.batch(4)
      )
      const loader = yield* Scheduler.open(pipeline, { epochs: 1, rank: 0, world: 2 })
      const taking = yield* Effect.fork(loader.take)
      yield* Effect.sleep(20)
      expect(yield* loader.cursor).toMatchObject({ epoch: 0, batch: 0, batches: 0 })
      yield* Fiber.interrupt(taking)
      yield* Deferred.succeed(gate, undefined)
      const batches = Array.from(yield* Stream.runCollect(loader.stream))
      expect(steps(batches)).toEqual([
        [0, 0, 0],
        [0, 1, 0],
        [0, 2, 2],
        [0, 3, 2]
      ])
    }).pipe(Effect.scoped, Effect.provide(layer(2)), Effect.runPromise)
  })

  test("belongs to its epoch where epochs are taken one by one, also where the columns show only in the next one", async () => {
    const pipeline = Pipeline.from(Dataset.range(16)).pipe(
      Pipeline.filter("later", (_, { batch, epoch }) => epoch === 2 && batch === 1),
      Pipeline.batch(4)
    )
    for (const order of ["plan", "ready"] as const) {
      const seen = await Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { epochs: 3, rank: 0, world: 2, order, prefetch: 1 })
        const epochs: Array<ReadonlyArray<readonly [index: number, size: number, known: boolean]>> = []
        yield* Stream.runForEach(loader.epochs, (epoch) =>
          Effect.gen(function* () {
            // The second epoch is left after one batch.
            const count = epoch.number === 1 ? 1 : 9
            const batches = Array.from(yield* Stream.runCollect(Stream.take(epoch.stream, count)))
            expect(batches.every((batch) => batch.epoch === epoch.number)).toBe(true)
            epochs.push(
              batches
                .map(({ columns, index, size }) => [index, size, columns instanceof Tensor.Tensor] as const)
                .toSorted(([a], [b]) => a - b)
            )
          })
        )
        return { epochs, stats: yield* loader.stats, cursor: yield* loader.cursor }
      }).pipe(Effect.scoped, Effect.provide(layer(2)), Effect.runPromise)
      const all = [0, 1, 2, 3].map((index) => [index, 0, true] as const)
      expect(seen.epochs[0]).toEqual(all)
      expect(seen.epochs[1]).toHaveLength(1)
      expect(seen.epochs[2]).toEqual(all.map(([index, , known]) => [index, index === 1 ? 2 : 0, known] as const))
      expect(seen.stats).toMatchObject({ batches: 9, samples: 2 })
      expect(seen.cursor).toMatchObject({ epoch: 3, batch: 0 })
    }
  })

  test("that is held back is not handed out by a closed run", async () => {
    const closed = await Effect.gen(function* () {
      const loader = yield* Effect.scoped(
        Effect.gen(function* () {
          const loader = yield* Scheduler.open(
            keeping((x) => x >= 12),
            { epochs: 1, rank: 0, world: 2 }
          )
          yield* loader.take
          return loader
        })
      )
      return yield* Effect.flip(loader.take)
    }).pipe(Effect.provide(layer(2)), Effect.runPromise)
    expect(closed).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 1 } })
  })

  test("does not hide an error behind it", async () => {
    const pipeline = Pipeline.from(Dataset.range(16)).pipe(
      Pipeline.filter("some", (x) => x >= 8),
      Pipeline.map("broken", (x) => {
        throw new Error(`no ${x}`)
      }),
      Pipeline.batch(4)
    )
    const error = await Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1, rank: 0, world: 2 })).pipe(
      Effect.flip,
      Effect.provide(layer(2)),
      Effect.runPromise
    )
    expect(error).toMatchObject({ _tag: "StageError", stage: "broken", batch: 2, sample: 8, rank: 0, world: 2 })
  })

  test("is replayed as one, and passes by what verifies", async () => {
    const pipeline = keeping((x) => x >= 8)
    const again = await Scheduler.replay(pipeline, { epoch: 0, batch: 1, workers: 2, rank: 1, world: 2 }).pipe(
      Effect.provide(layer(1)),
      Effect.runPromise
    )
    expect(Option.getOrUndefined(again)).toMatchObject({ epoch: 0, index: 1, rank: 1, size: 0 })
    const alone = Scheduler.replay(pipeline, { epoch: 0, batch: 1, workers: 2 })
    expect(await Effect.runPromise(Effect.provide(alone, layer(1)))).toEqual(Option.none())
    const verified = await Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline, { epochs: 1, rank: 1, world: 2, verify: 9 })
      yield* Stream.runDrain(loader.stream)
      return yield* loader.verify
    }).pipe(Effect.scoped, Effect.provide(layer(2)), Effect.runPromise)
    expect(verified).toEqual([
      { epoch: 0, batch: 2 },
      { epoch: 0, batch: 3 }
    ])
  })
})

test("an error of a padded run spells out a replay that makes the padded batch again", async () => {
  let broken = true
  const pipeline = Pipeline.from(Dataset.range(13)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.map("picky", (x, { position }) => {
      if (broken && position === 15) throw new Error("not the last")
      return x
    }),
    Pipeline.batch(4)
  )
  const error = await Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1, rank: 1, world: 2, uneven: "pad" })).pipe(
    Effect.flip,
    Effect.provide(layer(2)),
    Effect.runPromise
  )
  expect(error).toMatchObject({ _tag: "StageError", position: 15 })
  const call = 'Scheduler.replay(pipeline, { epoch: 0, position: 15, workers: 2, rank: 1, world: 2, uneven: "pad" })'
  expect(error.message).toContain(call)
  broken = false
  const again = Scheduler.replay(pipeline, { epoch: 0, position: 15, workers: 2, rank: 1, world: 2, uneven: "pad" })
  expect(Option.isSome(await Effect.runPromise(Effect.provide(again, layer(1))))).toBe(true)
})
