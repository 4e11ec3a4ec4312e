/**
 * Going on from where a run stood: what is delivered is what an untouched run delivers, wherever it was left.
 */
import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { Effect, type Layer, Option } from "effect"
import fc from "fast-check"
import {
  type Batch,
  Cursor,
  Dataset,
  Parity,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  type Tensor,
  Workers
} from "../../../src/index.ts"
import type { PartialOptions } from "../../support/options.ts"

type Numbers = Batch.Batch<Tensor.Tensor<Float64Array>>
type PolicyLayer = Layer.Layer<SeedPolicy.SeedPolicy, unknown>

const pipeline = (size: number, batchSize: number) =>
  Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.filter("some", (x) => x % 7 !== 3),
    Pipeline.augment("noise", (x, rng) => x + rng.double()),
    Pipeline.batch(batchSize)
  )

const kept = ({ columns, epoch, index }: Numbers) => ({ epoch, index, data: Array.from(columns.data) })

/** Takes at most `count` batches, then leaves the run and tells where it stood. */
const part = (
  size: number,
  batchSize: number,
  workers: number,
  policy: PolicyLayer,
  count: number,
  options: PartialOptions
) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline(size, batchSize), {
      replay: true,
      epochs: 1,
      digest: true,
      ...options
    })
    const taken: Array<ReturnType<typeof kept>> = []
    while (taken.length < count) {
      const batch = yield* loader.take
      if (Option.isNone(batch)) break
      taken.push(kept(batch.value))
    }
    const cursor = yield* loader.cursor
    // To read it changes nothing, and it reads the same.
    expect(yield* loader.cursor).toEqual(cursor)
    return { taken, cursor: JSON.parse(JSON.stringify(cursor)) as unknown, digest: yield* loader.digest }
  }).pipe(Effect.scoped, Effect.provide(policy), Effect.provide(Workers.fibers({ workers })), Effect.runPromise)

const policies: ReadonlyArray<PolicyLayer> = [
  SeedPolicy.epochWorker({ seed: 42 }),
  SeedPolicy.elastic({ seed: "name" }),
  Parity.pytorch({ torch: 42, shuffle: true }),
  Parity.pytorch({ torch: 42, shuffle: true, persistentWorkers: true })
]

const runs = fc.record({
  size: fc.integer({ min: 1, max: 40 }),
  batchSize: fc.integer({ min: 1, max: 7 }),
  workers: fc.integer({ min: 1, max: 4 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  policy: fc.constantFrom(...policies),
  prefetch: fc.integer({ min: 1, max: 3 }),
  order: fc.constantFrom<"plan" | "ready">("plan", "ready"),
  counts: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 })
})

const byPlace = (a: ReturnType<typeof kept>, b: ReturnType<typeof kept>) => a.epoch - b.epoch || a.index - b.index

describe("a run that is left and gone on with", () => {
  test("delivers each batch once, bit for bit, to the same digest: left anywhere, any number of times", async () => {
    await fc.assert(
      fc.asyncProperty(runs, async ({ batchSize, counts, epochs, order, policy, prefetch, size, workers }) => {
        const options = { epochs, order, prefetch }
        const whole = await part(size, batchSize, workers, policy, Infinity, options)
        let from: { readonly cursor: unknown } | undefined
        const taken: Array<ReturnType<typeof kept>> = []
        let digest = ""
        for (const count of [...counts, Infinity]) {
          const own = await part(size, batchSize, workers, policy, count, {
            ...options,
            ...(from === undefined ? {} : { from: from.cursor })
          })
          taken.push(...own.taken)
          from = own
          digest = own.digest
        }
        expect(taken.toSorted(byPlace)).toEqual(whole.taken.toSorted(byPlace))
        if (order === "plan") expect(taken).toEqual(whole.taken)
        expect(digest).toBe(whole.digest)
        expect(from?.cursor).toEqual(whole.cursor)
      }),
      { numRuns: 60 }
    )
  }, 60_000)

  test("goes on with another number of workers, under a policy to which they are nothing", async () => {
    const policy = SeedPolicy.elastic({ seed: 1 })
    const whole = await part(50, 4, 3, policy, Infinity, { epochs: 2 })
    const first = await part(50, 4, 2, policy, 9, { epochs: 2 })
    const rest = await part(50, 4, 5, policy, Infinity, { epochs: 2, from: first.cursor })
    expect([...first.taken, ...rest.taken]).toEqual(whole.taken)
    expect(rest.digest).toBe(whole.digest)
  })

  test("goes on with other ranks at any global batch", async () => {
    const at = (rank: number, world: number, options: PartialOptions, count = Infinity) =>
      part(48, 8, 2, SeedPolicy.elastic({ seed: 1 }), count, { epochs: 2, rank, world, ...options })
    const whole = await at(0, 1, {})
    const early = await Promise.all([at(0, 2, {}, 5), at(1, 2, {}, 5)])
    const late = await Promise.all([0, 1, 2, 3].map((rank) => at(rank, 4, { from: early[0]?.cursor })))
    // A rank that has nothing left of a batch delivers none, so parts are joined by their places.
    const all = [...early, ...late].flatMap(({ taken }) => taken)
    const joined = whole.taken.map(({ epoch, index }) => ({
      epoch,
      index,
      data: all.filter((own) => own.epoch === epoch && own.index === index).flatMap(({ data }) => data)
    }))
    expect(joined).toEqual(whole.taken)
    expect(all.reduce((sum, { data }) => sum + data.length, 0)).toBe(
      whole.taken.reduce((sum, { data }) => sum + data.length, 0)
    )
  })

  test("is a few numbers, however large the dataset", async () => {
    const huge = Pipeline.from(Dataset.range(2 ** 40)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(4))
    const run = (options: PartialOptions) =>
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(huge, { epochs: 1, ...options })
        const batch = yield* Effect.flatten(loader.take)
        return { indices: Array.from(batch.indices), cursor: yield* loader.cursor }
      }).pipe(
        Effect.scoped,
        Effect.provide(SeedPolicy.epochWorker({ seed: 1 })),
        Effect.provide(Workers.fibers({ workers: 2 })),
        Effect.runPromise
      )
    const first = await run({ epochs: 9 })
    expect(JSON.stringify(first.cursor).length).toBeLessThan(1024)
    const second = await run({ epochs: 9, from: first.cursor })
    expect(second.cursor).toMatchObject({ epoch: 0, batch: 2, batches: 2, samples: 8 })
    expect(second.indices.some((index) => first.indices.includes(index))).toBe(false)
  })
})

describe("a cursor that does not fit", () => {
  const first = () => part(20, 4, 2, SeedPolicy.epochWorker({ seed: 1 }), 2, { epochs: 2 })

  const error = (
    cursor: unknown,
    {
      allow,
      policy = SeedPolicy.epochWorker({ seed: 1 }),
      size = 20,
      workers = 2
    }: {
      readonly allow?: ReadonlyArray<Cursor.Field>
      readonly policy?: PolicyLayer
      readonly size?: number
      readonly workers?: number
    } = {}
  ) =>
    Effect.gen(function* () {
      const options = { epochs: 2, from: cursor, ...(allow === undefined ? {} : { allow }) }
      return yield* Scheduler.open(pipeline(size, 4), options)
    }).pipe(
      Effect.scoped,
      Effect.provide(policy),
      Effect.provide(Workers.fibers({ workers })),
      Effect.either,
      Effect.runPromise
    )

  test("to another run is refused, field by field, with what it would mean; by name it can be allowed", async () => {
    const { cursor } = await first()
    for (const [change, field] of [
      [{ policy: SeedPolicy.epochWorker({ seed: 2 }) }, "seed"],
      [{ workers: 3 }, "workers"]
    ] as const) {
      const refused = await error(cursor, change)
      expect(refused).toMatchObject({ _tag: "Left", left: { _tag: "CursorMismatch", differences: [{ field }] } })
      expect(String(refused._tag === "Left" ? refused.left : "")).toContain(`allow: ["${field}"]`)
      expect((await error(cursor, { ...change, allow: [field] }))._tag).toBe("Right")
    }
    const both = await error(cursor, { policy: SeedPolicy.elastic({ seed: 2 }), size: 21 })
    expect(both).toMatchObject({
      left: { differences: [{ field: "dataset", from: "range, 20 samples", to: "range, 21 samples" }, {}, {}, {}] }
    })
    // Wrong names allow nothing else.
    expect((await error(cursor, { workers: 3, allow: ["seed"] }))._tag).toBe("Left")
  })

  test("is of data with another content, though of the same name and size: as some samples, or a declaration, tell", async () => {
    const numbers = (own: ReadonlyArray<number>) => Dataset.fromArray(own.map((x) => Float32Array.of(x)))
    const columns = (own: ReadonlyArray<number>) => Dataset.fromColumns({ x: Float64Array.from(own) })
    const made = () => Dataset.make({ name: "made", size: 40, get: (index) => index })
    const one = Array.from({ length: 40 }, (_, index) => index)
    const other = one.map((x) => x + 1)
    const pairs: ReadonlyArray<
      readonly [own: Dataset.Dataset<unknown, unknown>, another: Dataset.Dataset<unknown, unknown>]
    > = [
      [numbers(one), numbers(other)],
      [columns(one), columns(other)],
      [numbers(one).pipe(Dataset.slice(3, 30)), numbers(other).pipe(Dataset.slice(3, 30))],
      [numbers(one).pipe(Dataset.map(() => 0)), numbers(other).pipe(Dataset.map(() => 0))],
      [numbers(one).pipe(Dataset.subset([0, 5, 7])), numbers(one).pipe(Dataset.subset([0, 5, 8]))],
      [Dataset.concat(numbers(one), numbers(one)), Dataset.concat(numbers(one), numbers(other))],
      [made().pipe(Dataset.withContent("v1")), made().pipe(Dataset.withContent("v2"))],
      [made(), made().pipe(Dataset.withContent("v2"))],
      [
        Dataset.effect({ size: 9, get: Effect.succeed }).pipe(Dataset.withContent("v1"), Dataset.slice(1, 5)),
        Dataset.effect({ size: 9, get: Effect.succeed }).pipe(Dataset.withContent("v2"), Dataset.slice(1, 5))
      ]
    ]
    const opened = (dataset: Dataset.Dataset<unknown, unknown>, from?: Cursor.Cursor) =>
      Effect.flatMap(
        Scheduler.open(Pipeline.from(dataset).pipe(Pipeline.batchWith(4, (samples) => samples)), { epochs: 1, from }),
        ({ cursor }) => cursor
      ).pipe(Effect.scoped, Effect.provide(Workers.fibers({ workers: 1 })), Effect.either, Effect.runPromise)
    for (const [own, another] of pairs) {
      const cursor = await opened(own)
      if (cursor._tag === "Left") throw cursor.left
      expect((await opened(own, cursor.right))._tag).toBe("Right")
      expect(await opened(another, cursor.right)).toMatchObject({
        _tag: "Left",
        left: { _tag: "CursorMismatch", differences: [{ field: "dataset" }] }
      })
    }
    // What cannot be hashed, and what is read by a caller's function, is told by name and size alone.
    const functions = await opened(Dataset.fromArray([() => 1]))
    expect(functions).toMatchObject({ right: { fingerprints: { dataset: "array, 1 samples" } } })
    expect(await opened(made())).toMatchObject({ right: { fingerprints: { dataset: "made, 40 samples" } } })
    expect(() => made().pipe(Dataset.withContent(""))).toThrow("content must be a text")
  })

  test("of a rank that took batches out of turn is refused by other ranks, which have not taken them", async () => {
    const own = pipeline(40, 4)
    const elastic = SeedPolicy.elastic({ seed: 1 })
    // Worker 0 waits for its leave; worker 1 runs ahead.
    const slow = own.pipe(
      Pipeline.mapEffect("wait", (batch) => Effect.delay(Effect.succeed(batch), batch.worker === 0 ? 50 : 0))
    )
    const gap = await Effect.gen(function* () {
      const loader = yield* Scheduler.open(slow, { epochs: 1, order: "ready", digest: true, world: 2 })
      yield* loader.take
      return yield* loader.cursor
    }).pipe(Effect.scoped, Effect.provide(elastic), Effect.provide(Workers.fibers({ workers: 2 })), Effect.runPromise)
    expect(gap.ahead.length).toBe(1)
    const resumed = (ranks: PartialOptions) =>
      Effect.scoped(Scheduler.open(slow, { epochs: 1, order: "ready", digest: true, from: gap, ...ranks })).pipe(
        Effect.provide(elastic),
        Effect.provide(Workers.fibers({ workers: 3 })),
        Effect.either,
        Effect.runPromise
      )
    expect((await resumed({ world: 2 }))._tag).toBe("Right")
    for (const ranks of [{ world: 1 }, { world: 4 }, { world: 2, rank: 1 }]) {
      const refused = await resumed(ranks)
      expect(refused).toMatchObject({ _tag: "Left", left: { _tag: "CursorError" } })
      expect(String(refused._tag === "Left" ? refused.left : "")).toContain(
        "go on as rank 0 of 2 until its row has no gap"
      )
    }
  })

  test("for it was cut, changed, written by another version or is none: a typed error that says so", async () => {
    const { cursor } = await first()
    const own = cursor as Cursor.Cursor
    for (const [bad, said] of [
      [{ ...own, batch: own.batch + 1 }, "checksum"],
      [{ ...own, fingerprints: { ...own.fingerprints, seed: "9" } }, "checksum"],
      [{ ...own, version: 3 }, "version 3"],
      [{ ...own, version: 1 }, "checksum"],
      [{ ...own, epoch: -1 }, "epoch"],
      [{ ...own, batch: "3" }, "batch"],
      [{ ...own, digest: "ab" }, "digest"],
      [{ ...own, fingerprints: undefined }, "fingerprints"],
      [null, "it"],
      ["cursor", "it"],
      [{}, "cursor"]
    ] as const) {
      const refused = await error(bad)
      expect(refused).toMatchObject({ _tag: "Left", left: { _tag: "CursorError" } })
      expect(String(refused._tag === "Left" ? refused.left : "")).toContain(said)
    }
  })

  test("allows fields that exist only, and lists them", async () => {
    const { cursor } = await first()
    for (const allow of [["nonsense"], ["seed", "sead"], "seed", null, {}, [null], [["seed"]]]) {
      // What a program without types can hand over.
      const refused = await error(cursor, { allow: allow as never })
      expect(refused).toMatchObject({ _tag: "Left", left: { _tag: "InvalidOption", option: "allow" } })
      expect(String(refused._tag === "Left" ? refused.left : "")).toContain(
        'allow must be a list of "pipeline", "dataset", "policy", "seed", "batch", "workers", "ranks", got '
      )
    }
  })

  test("is refused where the run ends before what it counts as taken, with how much would be lost and the way out", async () => {
    const policy = SeedPolicy.epochWorker({ seed: 1 })
    // 20 samples in batches of 4: 5 batches an epoch. It stands behind batch 7.
    const { cursor } = await part(20, 4, 2, policy, 7, { epochs: 3 })
    const resumed = (from: unknown, epochs: number) =>
      Effect.runPromise(Effect.either(Effect.promise(() => part(20, 4, 2, policy, Infinity, { epochs, from }))))
    expect((await part(20, 4, 2, policy, Infinity, { epochs: 3, from: cursor })).taken).toHaveLength(8)
    expect((await part(20, 4, 2, policy, Infinity, { epochs: 2, from: cursor })).taken).toHaveLength(3)
    const short = await Effect.runPromise(
      Effect.scoped(Scheduler.open(pipeline(20, 4), { epochs: 1, from: cursor })).pipe(
        Effect.provide(policy),
        Effect.provide(Workers.fibers({ workers: 2 })),
        Effect.flip
      )
    )
    expect(short).toMatchObject({ _tag: "InvalidOption", option: "epochs" })
    expect(short.message).toBe(
      "epochs must be at least 2, as in the run that the cursor is of: it has taken 2 batches beyond the end of 1 epoch, " +
        "which would be lost; or start again without the cursor, got 1"
    )
    // The cursor of a run that is done is no mistake.
    const done = await part(20, 4, 2, policy, Infinity, { epochs: 1 })
    expect((await part(20, 4, 2, policy, Infinity, { epochs: 1, from: done.cursor })).taken).toEqual([])
    expect(await resumed(done.cursor, 1)).toMatchObject({ _tag: "Right" })
  })

  test("whose batches ahead lie beyond the end is refused: each of them would have cost one before it", async () => {
    const policy = SeedPolicy.elastic({ seed: 1 })
    // Worker 0 waits for its leave; worker 1 runs ahead, into the next epoch.
    const slow = pipeline(8, 4).pipe(
      Pipeline.mapEffect("wait", (batch) => Effect.delay(Effect.succeed(batch), batch.worker === 0 ? 200 : 0))
    )
    const opened = (options: PartialOptions, count: number) =>
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(slow, { epochs: 1, order: "ready", digest: true, prefetch: 3, ...options })
        const taken: Array<readonly [number, number]> = []
        while (taken.length < count) {
          const batch = yield* loader.take
          if (Option.isNone(batch)) break
          taken.push([batch.value.epoch, batch.value.index])
        }
        return { cursor: yield* loader.cursor, taken }
      }).pipe(
        Effect.scoped,
        Effect.provide(policy),
        Effect.provide(Workers.fibers({ workers: 2 })),
        Effect.either,
        Effect.runPromise
      )
    const left = await opened({ epochs: 3 }, 2)
    if (left._tag === "Left") throw left.left
    const { cursor, taken } = left.right
    expect(taken).toEqual([
      [0, 1],
      [1, 1]
    ])
    expect(cursor).toMatchObject({ epoch: 0, batch: 0 })
    const refused = await opened({ epochs: 1, from: cursor }, Infinity)
    expect(refused).toMatchObject({ _tag: "Left", left: { _tag: "InvalidOption", option: "epochs", value: 1 } })
    expect(String(refused._tag === "Left" ? refused.left : "")).toContain(
      "at least 2, as in the run that the cursor is of: it has taken 1 batch beyond the end of 1 epoch, which would be lost"
    )
    const rest = await opened({ epochs: 2, from: cursor }, Infinity)
    expect(rest._tag === "Right" ? rest.right.taken.toSorted() : rest.left).toEqual([
      [0, 0],
      [1, 0]
    ])
  })

  test("with places ahead that no run gives is refused", async () => {
    const { cursor } = await first()
    const own = cursor as Cursor.Cursor
    for (const ahead of [
      [[1, null]],
      [[2, null]],
      [
        [4, null],
        [3, null]
      ],
      [
        [4, null],
        [4, null]
      ]
    ]) {
      const { checksum: _, ...rest } = { ...own, ahead }
      const sealed = { ...rest, checksum: createHash("sha256").update(JSON.stringify(rest)).digest("hex").slice(0, 16) }
      const refused = await error(sealed)
      expect([own.batch, ahead, refused._tag]).toEqual([
        2,
        ahead,
        ahead[0]?.[0] === 4 && ahead.length === 1 ? "Right" : "Left"
      ])
      expect(refused).toMatchObject({ left: { _tag: "CursorError" } })
      expect(String(refused._tag === "Left" ? refused.left : "")).toContain("ahead.")
    }
  })

  test("decodes to a typed error, whatever it is", async () => {
    const throwing = new Proxy(
      {},
      {
        get: () => {
          throw new Error("trap")
        },
        has: () => {
          throw new Error("trap")
        }
      }
    )
    const cycle: Record<string, unknown> = { version: 1 }
    cycle["version"] = cycle
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    for (const [bad, says] of [
      [Effect.succeed(1), "it is an Effect that was not run; write `yield* loader.cursor`"],
      [JSON.stringify((await first()).cursor), "it is a string"],
      [{ version: 1n }, "of version 1n"],
      [cycle, "it is of version "],
      [throwing, "reading it threw Error: trap"],
      [revoked.proxy, "reading it threw TypeError"],
      [
        {
          get version() {
            throw new Error("own")
          }
        },
        "reading it threw Error: own"
      ],
      [Symbol("x"), "it is Symbol(x), where"],
      [undefined, "it is undefined, where"],
      [[], "it: Expected Cursor, actual []"],
      [() => 1, "it is a function, where a cursor is a record"],
      [new Map([["version", 1]]), "version: is missing"]
    ] as ReadonlyArray<readonly [unknown, string]>) {
      const refused = await Effect.runPromise(Effect.flip(Cursor.decode(bad)))
      expect(refused._tag).toBe("CursorError")
      expect(refused.message).toContain(`this cursor cannot be resumed from: `)
      expect(refused.message).toContain(says)
      expect(refused.message.length).toBeLessThan(500)
      if (bad !== undefined) expect(await error(bad)).toMatchObject({ left: { _tag: "CursorError" } })
    }
  })
})
