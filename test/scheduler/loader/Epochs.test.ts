/**
 * The epochs of an open run: each with its number and its batches, so that a validation stands between two of them.
 */
import { describe, expect, test } from "bun:test"
import { Chunk, Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import fc from "fast-check"
import {
  type Batch,
  Dataset,
  Digest,
  Pipeline,
  Sampler,
  Scheduler,
  SeedPolicy,
  type Tensor,
  Workers
} from "../../../src/index.ts"
import { DigestChain } from "../../../src/scheduler/loader/DigestChain.ts"
import { type Config, pipeline } from "../../support/threaded/epochs.ts"

type Numbers = Batch.Batch<Tensor.Tensor<Float64Array>>
type Backend = "fibers" | "threads"

const TIME = 60_000
const module = new URL("../../support/threaded/epochs.ts", import.meta.url)
const policy = SeedPolicy.epochWorker({ seed: 42 })

const workersOn = (backend: Backend, count: number, config: Config) =>
  backend === "fibers"
    ? Workers.fibers({ workers: count })
    : Workers.threads({
        workers: count,
        threads: Math.min(count, 2),
        pipeline: module,
        config: JSON.parse(JSON.stringify(config)),
        debug: true
      })

const kept = ({ columns, epoch, index }: Numbers) => `${epoch}.${index}: ${Array.from(columns.data).join()}`

interface Conditions {
  readonly backend: Backend
  readonly workers: number
  readonly config: Config
  readonly options: Scheduler.Options
}

/** Runs `use` over an open run. */
const opened = <A, E>(
  { backend, config, options, workers }: Conditions,
  use: (loader: Scheduler.Loader<Tensor.Tensor<Float64Array>>) => Effect.Effect<A, E, Scope.Scope>,
  seeds: Layer.Layer<SeedPolicy.SeedPolicy, unknown> = policy
) =>
  Effect.flatMap(Scheduler.open(pipeline(config), { replay: true, ...options }), use).pipe(
    Effect.scoped,
    Effect.provide(seeds),
    Effect.provide(workersOn(backend, workers, config)),
    Effect.runPromise
  )

/** The digest of a run that keeps one. */
const digestIn = ({ digest }: Pick<Scheduler.Loader<unknown, unknown>, "digest">, { options }: Conditions) =>
  options?.digest === true ? digest : Effect.succeed(undefined)

const whole = (conditions: Conditions) =>
  // Batches are the same wherever they are built.
  opened({ ...conditions, backend: "fibers" }, (loader) =>
    Effect.gen(function* () {
      const batches = yield* Stream.runCollect(Stream.map(loader.stream, kept))
      return {
        batches: Chunk.toReadonlyArray(batches),
        digest: yield* digestIn(loader, conditions),
        cursor: yield* loader.cursor
      }
    })
  )

/** Leaves each epoch after so many of its batches; `Infinity` takes all. */
const byEpoch = (conditions: Conditions, take: (epoch: number) => number = () => Infinity) =>
  opened(conditions, (loader) =>
    Effect.promise(async () => {
      const epochs: Array<{ readonly number: number; readonly batches: ReadonlyArray<string> }> = []
      const hashes: Array<Uint8Array> = []
      for await (const epoch of loader.epochs) {
        const batches: Array<string> = []
        epochs.push({ number: epoch.number, batches })
        if (take(epoch.number) === 0) continue
        for await (const batch of epoch) {
          batches.push(kept(batch))
          hashes.push(Digest.ofColumns(batch.columns))
          if (batches.length === take(epoch.number)) break
        }
      }
      const { cursor, digest } = await Effect.runPromise(
        Effect.all({ cursor: loader.cursor, digest: digestIn(loader, conditions) })
      )
      return { epochs, hashes, cursor, digest }
    })
  )

const digestOf = (hashes: ReadonlyArray<Uint8Array>): string => {
  const chain = new DigestChain()
  for (const hash of hashes) chain.add(hash)
  return chain.value
}

const backends: ReadonlyArray<Backend> = ["fibers", "threads"]

for (const backend of backends) {
  const numRuns = backend === "fibers" ? 50 : 3
  const conditions = fc.record({
    backend: fc.constant(backend),
    workers: fc.integer({ min: 1, max: 3 }),
    config: fc.record({ size: fc.integer({ min: 1, max: 30 }), batch: fc.integer({ min: 1, max: 7 }) }),
    options: fc.record({
      epochs: fc.integer({ min: 0, max: 4 }),
      digest: fc.constant(true),
      prefetch: fc.integer({ min: 1, max: 3 }),
      order: fc.constantFrom<"plan" | "ready">("plan", "ready")
    })
  })

  describe(`the epochs of a run on ${backend}`, () => {
    test(
      "deliver what the run delivers, each its own batches, as async iterables and as streams",
      async () => {
        await fc.assert(
          fc.asyncProperty(conditions, async (own) => {
            const expected = await whole({ ...own, options: { ...own.options, order: "plan" } })
            const found = await byEpoch(own)
            expect(found.epochs.map(({ number }) => number)).toEqual(
              Array.from({ length: own.options.epochs }, (_, epoch) => epoch)
            )
            for (const { batches, number } of found.epochs) {
              const inOrder =
                own.options.order === "plan" ? batches : batches.toSorted((a, b) => indexOf(a) - indexOf(b))
              expect(inOrder).toEqual(expected.batches.filter((batch) => batch.startsWith(`${number}.`)))
            }
            expect(found.digest).toBe(expected.digest)
            expect(found.cursor).toEqual(expected.cursor)
            const streamed = await opened(own, (loader) =>
              Stream.runCollect(
                Stream.flatMap(loader.epochs, ({ number, stream }) =>
                  Stream.map(stream, (batch) => [number, batch.epoch, kept(batch)] as const)
                )
              )
            )
            for (const [number, epoch] of streamed) expect(number).toBe(epoch)
            expect(Array.from(streamed, ([, , batch]) => batch).toSorted()).toEqual(expected.batches.toSorted())
          }),
          { numRuns }
        )
      },
      TIME
    )

    test(
      "are skipped by asking for the next one: cursor, digest and later batches are as if nothing else had been built",
      async () => {
        await fc.assert(
          fc.asyncProperty(
            conditions,
            fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 4, maxLength: 4 }),
            async (own, counts) => {
              const plan = { ...own, options: { ...own.options, order: "plan" as const } }
              const all = (await whole(plan)).batches
              const found = await byEpoch(plan, (epoch) => counts[epoch] ?? 0)
              for (const { batches, number } of found.epochs) {
                const expected = all.filter((batch) => batch.startsWith(`${number}.`))
                expect(batches).toEqual(expected.slice(0, counts[number] ?? 0))
              }
              expect(found.epochs.length).toBe(own.options.epochs)
              expect(found.digest).toBe(digestOf(found.hashes))
              expect(found.cursor).toMatchObject({
                epoch: own.options.epochs,
                batch: 0,
                ahead: [],
                batches: found.hashes.length
              })
              // In the order of readiness, too, an epoch has no batch of another.
              const ready = await byEpoch(
                { ...own, options: { ...own.options, order: "ready" } },
                (epoch) => counts[epoch] ?? 0
              )
              for (const { batches, number } of ready.epochs) {
                for (const batch of batches) expect(all).toContain(batch)
                expect(batches.every((batch) => batch.startsWith(`${number}.`))).toBe(true)
              }
              expect(ready.cursor).toMatchObject({ epoch: own.options.epochs, batch: 0, ahead: [] })
            }
          ),
          { numRuns }
        )
      },
      TIME
    )

    test(
      "begin, after a resume, with the rest of the one at hand, in any order of leaving and skipping",
      async () => {
        const own: Conditions = {
          backend,
          workers: 2,
          config: { size: 20, batch: 3 },
          options: { epochs: 3, digest: true }
        }
        const expected = await whole(own)
        for (const count of backend === "fibers" ? [0, 3, 7, 9, 14, 21] : [9, 14]) {
          const left = await opened(own, (loader) =>
            Effect.zipRight(Stream.runDrain(Stream.take(loader.stream, count)), loader.cursor)
          )
          const rest = await byEpoch({ ...own, options: { from: JSON.parse(JSON.stringify(left)), digest: true } })
          expect(rest.epochs.map(({ number }) => number)).toEqual([0, 1, 2].slice(Math.floor(count / 7)))
          expect(rest.epochs.flatMap(({ batches }) => batches)).toEqual(expected.batches.slice(count))
          expect(rest.digest).toBe(expected.digest)
        }
        const skipped = await opened(own, (loader) =>
          Effect.gen(function* () {
            yield* Stream.runForEach(Stream.take(loader.epochs, 2), ({ stream }) =>
              Stream.runDrain(Stream.take(stream, 2))
            )
            return yield* loader.cursor
          })
        )
        expect(skipped).toMatchObject({ epoch: 1, batch: 2, batches: 4 })
        const rest = await byEpoch({ ...own, options: { from: skipped, digest: true } })
        expect(rest.epochs.flatMap(({ batches }) => batches)).toEqual(expected.batches.slice(9))
      },
      TIME
    )

    test(
      "appear when none of their batches is delivered",
      async () => {
        for (const order of ["plan", "ready"] as const) {
          const config = { size: 10, batch: 3, empty: 1 }
          const { epochs } = await byEpoch({ backend, workers: 2, config, options: { epochs: 3, order } })
          expect(epochs.map(({ batches, number }) => [number, batches.length])).toEqual([
            [0, 4],
            [1, 0],
            [2, 4]
          ])
        }
      },
      TIME
    )

    test(
      "go on past a batch that failed and was skipped before it was asked for",
      async () => {
        const config = { size: 12, batch: 2, fails: { epoch: 0, position: 5 } }
        for (const workers of [1, 2]) {
          for (const take of [0, 1, 2]) {
            const own: Conditions = { backend, workers, config, options: { epochs: 2 } }
            const found = await opened(own, (loader) =>
              Effect.promise(async () => {
                const seen: Array<string> = []
                for await (const epoch of loader.epochs) {
                  if (epoch.number === 0 && take === 0) continue
                  for await (const { index } of epoch) {
                    seen.push(`${epoch.number}.${index}`)
                    // Until what is built ahead has failed.
                    if (epoch.number === 0) await new Promise((resolve) => setTimeout(resolve, 20))
                    if (epoch.number === 0 && index === take - 1) break
                  }
                }
                return seen
              })
            )
            expect(found).toEqual([
              ...Array.from({ length: take }, (_, index) => `0.${index}`),
              ...Array.from({ length: 6 }, (_, index) => `1.${index}`)
            ])
          }
        }
        // Where it is asked for it fails, and goes on failing.
        const own: Conditions = { backend, workers: 2, config, options: { epochs: 2 } }
        const failed = await opened(own, (loader) =>
          Effect.gen(function* () {
            const first = yield* Effect.flip(Stream.runDrain(Stream.flatMap(loader.epochs, ({ stream }) => stream)))
            const second = yield* Effect.flip(Stream.runHead(loader.epochs))
            return [first, second, yield* Effect.flip(loader.take)]
          })
        )
        for (const error of failed) expect(error).toMatchObject({ _tag: "StageError", epoch: 0, batch: 2 })
      },
      TIME
    )

    test(
      "ask for no more of an epoch that was skipped than was asked for ahead",
      async () => {
        const asked = new Set<string>()
        const counting = SeedPolicy.fromFunction("counting", ({ batch, epoch, scope, stage }) => {
          if (scope === "sample") asked.add(`${epoch}.${batch}`)
          return { algorithm: "philox4x32-10", words: [1000 * epoch + batch, stage.id] }
        })
        const own: Conditions = {
          backend,
          workers: 2,
          config: { size: 1000, batch: 2 },
          options: { epochs: 3, prefetch: 2 }
        }
        await opened(
          own,
          (loader) => Stream.runForEach(loader.epochs, ({ stream }) => Stream.runDrain(Stream.take(stream, 3))),
          counting
        )
        for (const epoch of [0, 1, 2]) {
          const count = Array.from(asked).filter((at) => at.startsWith(`${epoch}.`)).length
          expect(count).toBeGreaterThanOrEqual(3)
          // Two workers, and two batches ahead of each.
          expect(count).toBeLessThanOrEqual(3 + 2 * 2)
        }
      },
      TIME
    )

    test(
      "that were passed fail with EpochPassed, and give no batch of another epoch",
      async () => {
        const own: Conditions = { backend, workers: 2, config: { size: 8, batch: 2 }, options: { epochs: 3 } }
        await opened(own, (loader) =>
          Effect.promise(async () => {
            const handles: Array<Scheduler.Epoch<Tensor.Tensor<Float64Array>>> = []
            for await (const epoch of loader.epochs) handles.push(epoch)
            for (const epoch of handles.slice(0, 2)) {
              const error = await Effect.runPromise(Effect.flip(Stream.runDrain(epoch.stream)))
              expect(error).toMatchObject({ _tag: "EpochPassed", epoch: epoch.number, current: 2 })
              expect(error.message).toContain(`epoch ${epoch.number} is over: the run went on to epoch 2`)
              const thrown = await epoch[Symbol.asyncIterator]()
                .next()
                .catch((error: unknown) => error)
              expect(thrown).toBeInstanceOf(Scheduler.EpochPassed)
            }
            // The last one was skipped to its end, too: its batches were not delivered.
            const last = await handles[2]
              ?.[Symbol.asyncIterator]()
              .next()
              .catch((error: unknown) => error)
            expect(last).toBeInstanceOf(Scheduler.EpochPassed)
          })
        )
        // Taken past by `take`, too.
        await opened(own, (loader) =>
          Effect.gen(function* () {
            const first = Option.getOrThrow(yield* Stream.runHead(loader.epochs))
            expect((yield* Stream.runCollect(Stream.take(first.stream, 2))).length).toBe(2)
            yield* Stream.runDrain(Stream.take(loader.stream, 3))
            expect(yield* Effect.flip(Stream.runDrain(first.stream))).toMatchObject({ _tag: "EpochPassed", current: 1 })
            // What is left begins with the rest of epoch 1.
            const rest = yield* Stream.runCollect(Stream.flatMap(loader.epochs, ({ stream }) => stream))
            expect(Array.from(rest, ({ epoch, index }) => `${epoch}.${index}`)).toEqual([
              "1.1",
              "1.2",
              "1.3",
              "2.0",
              "2.1",
              "2.2",
              "2.3"
            ])
          })
        )
      },
      TIME
    )

    test(
      "of a run that is closed are a RunClosed, as are its batches; what was counted can be read",
      async () => {
        const config = { size: 8, batch: 2 }
        const scope = Effect.runSync(Scope.make())
        const loader = await Scheduler.open(pipeline(config), { epochs: 2, replay: true, digest: true }).pipe(
          Scope.extend(scope),
          Effect.provide(policy),
          Effect.provide(workersOn(backend, 2, config)),
          Effect.runPromise
        )
        const first = await Effect.runPromise(Stream.runHead(loader.epochs))
        await Effect.runPromise(loader.take)
        await Effect.runPromise(Scope.close(scope, Exit.void))
        const epoch = Option.getOrThrow(first)
        const uses: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          loader.take,
          loader.forEach(() => Effect.void),
          Stream.runDrain(loader.stream),
          Stream.runDrain(loader.epochs),
          Stream.runDrain(epoch.stream)
        ]
        for (const use of uses) {
          const error = await Effect.runPromise(Effect.flip(use))
          expect(error).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 1 } })
          expect(error).toBeInstanceOf(Scheduler.RunClosed)
        }
        for (const source of [loader.epochs, epoch]) {
          const thrown = await source[Symbol.asyncIterator]()
            .next()
            .catch((error: unknown) => error)
          expect(thrown).toMatchObject({ _tag: "RunClosed" })
        }
        expect(await Effect.runPromise(loader.stats)).toMatchObject({ batches: 1 })
        expect(await Effect.runPromise(loader.cursor)).toMatchObject({ batch: 1 })
        expect(await Effect.runPromise(loader.digest)).toHaveLength(64)
      },
      TIME
    )
  })
}

const indexOf = (batch: string): number => Number(/\.(\d+):/.exec(batch)?.[1])

test("a batch that is waited for while the run is closed is a RunClosed", async () => {
  const stuck = Pipeline.from(Dataset.effect({ size: 4, get: () => Effect.never })).pipe(Pipeline.batch(2))
  const scope = Effect.runSync(Scope.make())
  const loader = await Scheduler.open(stuck, { epochs: 1 }).pipe(Scope.extend(scope), Effect.runPromise)
  const waiting: ReadonlyArray<Fiber.Fiber<unknown, unknown>> = [
    Effect.runFork(Effect.flip(loader.take)),
    Effect.runFork(Effect.flip(loader.forEach(() => Effect.void)))
  ]
  await Effect.runPromise(Effect.sleep(5))
  await Effect.runPromise(Scope.close(scope, Exit.void))
  for (const fiber of waiting) {
    expect(await Effect.runPromise(Fiber.join(fiber))).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 0 } })
  }
})

test("batches of the next epoch are built while those of this one are taken", async () => {
  const built: Array<string> = []
  const watched = Pipeline.from(Dataset.range(6)).pipe(
    Pipeline.batch(2),
    Pipeline.map("see", (batch) => {
      built.push(`${batch.epoch}.${batch.index}`)
      return batch
    })
  )
  await Effect.gen(function* () {
    const loader = yield* Scheduler.open(watched, { epochs: 2, prefetch: 2 })
    const first = Option.getOrThrow(yield* Stream.runHead(loader.epochs))
    yield* Stream.runDrain(first.stream)
    yield* Effect.sleep(20)
    expect(built).toEqual(["0.0", "0.1", "0.2", "1.0", "1.1"])
  }).pipe(Effect.scoped, Effect.runPromise)
})

test("iterate gives epochs, too, and leaving their loop ends all workers", async () => {
  let open = 0
  const counted = Layer.merge(
    policy,
    Layer.scopedDiscard(
      Effect.acquireRelease(
        Effect.sync(() => void open++),
        () => Effect.sync(() => void open--)
      )
    )
  )
  const runs = Scheduler.iterate(pipeline({ size: 8, batch: 2 }), counted, { epochs: 3, replay: true })
  const seen: Array<string> = []
  let last: Scheduler.Epoch<Tensor.Tensor<Float64Array>> | undefined
  for await (const epoch of runs.epochs) {
    last = epoch
    expect(open).toBe(1)
    for await (const { index } of epoch) {
      seen.push(`${epoch.number}.${index}`)
      if (index === 1) break
    }
    if (epoch.number === 1) break
  }
  expect(open).toBe(0)
  expect(seen).toEqual(["0.0", "0.1", "1.0", "1.1"])
  const thrown = await last?.[Symbol.asyncIterator]()
    .next()
    .catch((error: unknown) => error)
  expect(thrown).toMatchObject({ _tag: "RunClosed" })
})

test("iterate without a layer is a typed error that shows how to give one", async () => {
  const numbers = pipeline({ size: 8, batch: 2 })
  const calls: ReadonlyArray<readonly [unknown, unknown]> = [
    [undefined, undefined],
    [{ epochs: 1 }, undefined],
    [policy, undefined],
    [null, { epochs: 1 }]
  ]
  for (const [layer, options] of calls) {
    const own = Scheduler.iterate(numbers, layer as typeof policy, options as Scheduler.Options)
    for (const source of [own, own.epochs]) {
      const thrown = await source[Symbol.asyncIterator]()
        .next()
        .catch((error: unknown) => error)
      expect(thrown).toMatchObject({ _tag: "InvalidOption" })
      if (layer !== policy) {
        expect(String(thrown)).toContain(
          "Scheduler.iterate(pipeline, SeedPolicy.epochWorker({ seed: 42 }), { epochs: 10 })"
        )
      }
    }
  }
})

describe("a run over 10^15 batches", () => {
  test("finds its place in them by arithmetic", async () => {
    const huge = Pipeline.from(Dataset.range(2 ** 52)).pipe(Pipeline.sample(Sampler.sequential), Pipeline.batch(4))
    const cursor = await opened52(huge, { epoch: 1 }, (loader) => loader.cursor)
    expect(cursor).toMatchObject({ epoch: 1, batch: 0 })
    const far = await opened52(huge, { epochs: 2 }, (loader) =>
      Effect.gen(function* () {
        // Epoch 0 is passed without a step through it.
        const epochs = yield* Stream.runCollect(loader.epochs)
        return { numbers: Array.from(epochs, ({ number }) => number), cursor: yield* loader.cursor }
      })
    )
    expect(far).toMatchObject({ numbers: [0, 1], cursor: { epoch: 2, batch: 0 } })
    expect(
      await opened52(huge, { from: cursor }, (loader) => Effect.map(Effect.flatten(loader.take), ({ epoch }) => epoch))
    ).toBe(1)
  })
})

const opened52 = <A, E>(
  own: Pipeline.Pipeline<Numbers>,
  options: Scheduler.Options,
  use: (loader: Scheduler.Loader<Tensor.Tensor<Float64Array>>) => Effect.Effect<A, E>
) =>
  Effect.runPromise(
    Effect.scoped(Effect.flatMap(Scheduler.open(own, options), use)).pipe(
      Effect.provide(Workers.fibers({ workers: 3 }))
    )
  )
