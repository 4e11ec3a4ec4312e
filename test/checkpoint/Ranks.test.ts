/**
 * Checkpoints of several ranks: whatever happens to each of them, all go on from one step.
 */
import { describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { KeyValueStore } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Cause, Effect, Exit, Layer, Logger, Option, Scope } from "effect"
import fc from "fast-check"
import { Checkpoint, type Cursor, Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { stringsOnly } from "../support/stores.ts"

const TIME = 60_000

const pipeline = Pipeline.from(Dataset.range(64)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => x + rng.double()),
  Pipeline.batch(4)
)

const EPOCHS = 2

const policy = SeedPolicy.elastic({ seed: 42 })

/** Opens a rank's run and hands its loader on. */
const running = <A, E>(
  { rank, world }: { readonly rank: number; readonly world: number },
  from: unknown,
  use: (loader: Scheduler.Loader<{ readonly data: ArrayLike<number> }, unknown>) => Effect.Effect<A, E>
) =>
  Effect.flatMap(Scheduler.open(pipeline, { epochs: EPOCHS, rank, world, from }), use).pipe(
    Effect.scoped,
    Effect.provide(policy),
    Effect.provide(Workers.fibers({ workers: 1 }))
  )

/** The cursors of a rank, by step. */
const cursorsOf = (rank: number, world: number) =>
  Effect.runPromise(
    running({ rank, world }, undefined, (loader) =>
      Effect.gen(function* () {
        const all = [yield* loader.cursor]
        while ((yield* loader.take)._tag === "Some") all.push(yield* loader.cursor)
        return all
      })
    )
  )

const cursors = new Map<string, ReadonlyArray<Cursor.Cursor>>()
for (const world of [1, 2, 4])
  for (let rank = 0; rank < world; rank++) cursors.set(`${rank} of ${world}`, await cursorsOf(rank, world))

const cursorAt = (rank: number, world: number, step: number): Cursor.Cursor => {
  const found = cursors.get(`${rank} of ${world}`)?.[step]
  if (found === undefined) throw new Error(`rank ${rank} of ${world} takes no step ${step}`)
  return found
}

type Place = Layer.Layer<Checkpoint.Checkpoint, unknown>

interface Ground {
  readonly rank: (rank: number, world: number, keep?: number) => Place
  /** Spoils a checkpoint. */
  readonly damage: (path: string) => void
  readonly clear: () => void
}

const quiet = Logger.replace(Logger.defaultLogger, Logger.none)

const grounds: Readonly<Record<string, () => Ground>> = {
  "a folder": () => {
    const directory = mkdtempSync(join(tmpdir(), "furrow-ranks-"))
    return {
      rank: (rank, world, keep = 3) =>
        Checkpoint.file({ directory: join(directory, "made by it"), rank, world, keep }).pipe(
          Layer.provide(BunContext.layer)
        ),
      damage: (path) => truncateSync(path, 100),
      clear: () => rmSync(directory, { recursive: true, force: true })
    }
  },
  "a key-value store in memory": () => {
    const store = Effect.runSync(Effect.provide(KeyValueStore.KeyValueStore, KeyValueStore.layerMemory))
    return {
      rank: (rank, world, keep = 3) =>
        Checkpoint.keyValue({ name: "a run", rank, world, keep }).pipe(
          Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store))
        ),
      damage: (path) => {
        const frame = Option.getOrThrow(Effect.runSync(store.getUint8Array(path)))
        Effect.runSync(store.set(path, frame.slice(0, frame.length - 40)))
      },
      clear: () => {}
    }
  },
  "a key-value store of strings": () => {
    const store = stringsOnly()
    return {
      rank: (rank, world, keep = 3) =>
        Checkpoint.keyValue({ rank, world, keep }).pipe(
          Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store))
        ),
      damage: (path) => Effect.runSync(store.set(path, "iVBORw==")),
      clear: () => {}
    }
  },
  "shared memory": () => {
    const shared = new Checkpoint.SharedMemory()
    return {
      rank: (rank, world, keep = 3) => Checkpoint.memory({ shared, rank, world, keep }),
      damage: () => {
        throw new Error("memory is not damaged")
      },
      clear: () => {}
    }
  }
}

/** The processes of a run, each at work until it is ended. */
class Processes {
  readonly #ground: Ground
  readonly #open = new Map<number, { readonly service: Checkpoint.Service; readonly scope: Scope.CloseableScope }>()
  readonly world: number
  readonly #keep: number

  constructor(ground: Ground, world: number, keep = 3) {
    this.#ground = ground
    this.world = world
    this.#keep = keep
  }

  async service(rank: number): Promise<Checkpoint.Service> {
    const known = this.#open.get(rank)
    if (known !== undefined) return known.service
    const scope = Effect.runSync(Scope.make())
    const layer = this.#ground.rank(rank, this.world, this.#keep)
    const service = await Effect.runPromise(
      Effect.map(Layer.buildWithScope(layer, scope), (context) => context).pipe(
        Effect.flatMap((context) => Effect.provide(Checkpoint.Checkpoint, context))
      )
    )
    this.#open.set(rank, { service, scope })
    return service
  }

  async save(rank: number, step: number, json: Checkpoint.Json = { step }): Promise<string> {
    const service = await this.service(rank)
    const part = { cursor: cursorAt(rank, this.world, step), state: { json } }
    return (await Effect.runPromise(Effect.provide(service.save(part), quiet))).path
  }

  async latest(rank: number): Promise<Checkpoint.Saved | undefined> {
    const service = await this.service(rank)
    return Option.getOrUndefined(await Effect.runPromise(Effect.provide(service.latest, quiet)))
  }

  async failure(rank: number): Promise<Checkpoint.CheckpointError> {
    const exit = await Effect.runPromiseExit(Effect.provide((await this.service(rank)).latest, quiet))
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    if (error instanceof Checkpoint.CheckpointError) return error
    throw new Error(`it ended as ${exit}`)
  }

  /** The step that each rank goes on from. */
  async steps(): Promise<ReadonlyArray<number | undefined>> {
    const all = []
    for (let rank = 0; rank < this.world; rank++) all.push((await this.latest(rank))?.cursor.batches)
    return all
  }

  /** The steps that a rank has, newest first. */
  async kept(rank: number): Promise<ReadonlyArray<number | undefined>> {
    return (await Effect.runPromise((await this.service(rank)).list)).map(({ id }) => id)
  }

  /** Ends all processes, as a crash does. */
  async end(): Promise<this> {
    for (const { scope } of this.#open.values()) await Effect.runPromise(Scope.close(scope, Exit.void))
    this.#open.clear()
    return this
  }
}

const on = async (make: () => Ground, use: (ground: Ground) => Promise<void>): Promise<void> => {
  const ground = make()
  try {
    await use(ground)
  } finally {
    ground.clear()
  }
}

describe.each(Object.entries(grounds))("in %s", (name, make) => {
  test("all ranks go on from the newest step that every one has kept, and no one from a step of its own", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 4)
      expect(await run.steps()).toEqual([undefined, undefined, undefined, undefined])
      for (const step of [4, 8]) for (const rank of [0, 1, 2, 3]) await run.save(rank, step, { rank, step })
      // Two ranks were a checkpoint ahead, one of them two.
      for (const [rank, step] of [
        [2, 12],
        [0, 12],
        [0, 16]
      ] as const)
        await run.save(rank, step)
      await run.end()
      expect(await run.steps()).toEqual([8, 8, 8, 8])
      for (const rank of [0, 1, 2, 3]) {
        expect(await run.latest(rank)).toMatchObject({
          id: 8,
          cursor: cursorAt(rank, 4, 8),
          state: { json: { rank, step: 8 } }
        })
        expect(await run.kept(rank)).toEqual([8, 4])
      }
      await run.end()
    }))

  test("a step of an earlier life never meets one of this life", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 2)
      for (const step of [4, 8]) for (const rank of [0, 1]) await run.save(rank, step, "first life")
      await run.save(0, 12, "first life")
      await run.end()
      expect(await run.steps()).toEqual([8, 8])
      // The other rank keeps it this time, and the run is cut off before the first one does.
      await run.save(1, 12, "second life")
      await run.end()
      expect(await run.steps()).toEqual([8, 8])
      await run.end()
    }))

  test("a second checkpoint of a step takes the place of the first", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 2)
      for (const life of ["first", "second"]) for (const rank of [0, 1]) await run.save(rank, 4, life)
      expect(await run.kept(0)).toEqual([4])
      expect((await run.latest(1))?.state.json).toBe("second")
      await run.end()
    }))

  test(
    "whatever the order in which ranks save, a restart finds the newest common step, and `keep` of them",
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 3 }),
          fc.array(fc.nat({ max: 1 }), { minLength: 1, maxLength: 14 }),
          (keep, turns) =>
            on(make, async (ground) => {
              const run = new Processes(ground, 2, keep)
              const at = [0, 0]
              // Each has been here before any of them saves.
              await run.steps()
              for (const rank of turns) {
                const step = (at[rank] ?? 0) + 2
                if (step > 32) continue
                at[rank] = step
                await run.save(rank, step)
                const common = Math.min(...at)
                if (common > 0) expect((await run.latest(rank))?.cursor.batches).toBe(common)
                // Enough of what all have, and all that lies ahead of it; nothing more, so that it does not grow.
                const own = await run.kept(rank)
                const from = Math.max(2, common - 2 * (keep - 1))
                const needed = Array.from({ length: (step - from) / 2 + 1 }, (_, place) => step - 2 * place)
                expect(own.slice(0, needed.length)).toEqual(needed)
              }
              await run.end()
              const common = Math.min(...at)
              if (common > 0) expect(await run.steps()).toEqual([common, common])
              await run.end()
            })
        ),
        { numRuns: name === "a folder" ? 12 : 30 }
      ),
    TIME
  )

  test("what a rank keeps is bounded where all go on", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 2, 2)
      for (let step = 1; step <= 12; step++) for (const rank of [0, 1]) await run.save(rank, step)
      expect((await run.kept(0)).length).toBeLessThanOrEqual(3)
      expect(await run.kept(1)).toEqual([12, 11])
      await run.end()
    }))

  test.skipIf(name === "shared memory")(
    "a damaged checkpoint of one rank takes all back to the step before it; nothing newer is thrown away",
    () =>
      on(make, async (ground) => {
        const run = new Processes(ground, 2)
        for (const step of [4, 8]) for (const rank of [0, 1]) await run.save(rank, step)
        const paths = []
        for (const rank of [0, 1]) paths.push(await run.save(rank, 12))
        await run.end()
        ground.damage(paths[1] ?? "")
        expect(await run.steps()).toEqual([4 + 4, 8])
        expect((await run.latest(0))?.skipped.map(({ path }) => path)).toEqual([paths[1] ?? ""])
        expect(await run.kept(0)).toEqual([12, 8, 4])
        await run.end()
      })
  )

  test.skipIf(name === "shared memory")("a damaged checkpoint of another rank is not counted as kept", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 2, 1)
      await run.steps()
      for (const rank of [0, 1]) await run.save(rank, 4)
      const path = await run.save(1, 8)
      ground.damage(path)
      // Were it counted, step 4 would go here.
      await run.save(0, 8)
      expect(await run.kept(0)).toEqual([8, 4])
      await run.end()
      expect(await run.steps()).toEqual([4, 4])
      await run.end()
    })
  )

  test("a run that was cut off at its first checkpoint starts afresh on all ranks", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 2)
      await run.steps()
      await run.save(0, 4)
      await run.end()
      expect(await run.steps()).toEqual([undefined, undefined])
      expect(await run.kept(0)).toEqual([])
      await run.end()
    }))

  test("ranks that do not see each other's checkpoints, or have lost them, are told so", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 2)
      // Rank 1 saves elsewhere: its folder is not this one.
      for (const step of [4, 8]) await run.save(0, step)
      await run.end()
      const error = await run.failure(0)
      expect(error.kind).toBe("ranks")
      expect(error.message).toContain(
        "no step that all 2 ranks have kept (rank 0 has 8, 4; rank 1 has never been here)"
      )
      expect(error.message).toContain("have all ranks share")
      // At its first start it is not held up by others that have saved since theirs.
      expect(await run.latest(1)).toBeUndefined()
      await run.end()
      for (const rank of [1, 0]) expect((await run.failure(rank)).message).toContain("rank 1 has none")
      expect(await run.kept(0)).toEqual([8, 4])
      await run.end()
    }))

  test("what ranks of another number have kept at no common step is not passed over in silence", () =>
    on(make, async (ground) => {
      const four = new Processes(ground, 4)
      await four.steps()
      for (const step of [4, 8]) await four.save(0, step)
      await four.end()
      const two = new Processes(ground, 2)
      for (const rank of [0, 1])
        expect((await two.failure(rank)).message).toContain("no step that all 4 ranks have kept")
      await two.end()
    }))

  test("another number of ranks goes on from what the old ones kept, and back", () =>
    on(make, async (ground) => {
      const four = new Processes(ground, 4)
      for (const rank of [0, 1, 2, 3]) await four.save(rank, 4, { rank })
      for (const rank of [1, 2]) await four.save(rank, 6, { rank })
      await four.end()
      const two = new Processes(ground, 2)
      expect(await two.steps()).toEqual([4, 4])
      expect((await two.latest(1))?.state.json).toEqual({ rank: 1 })
      // Cut off before both have kept one: still from there.
      await two.save(0, 8)
      await two.end()
      expect(await two.steps()).toEqual([4, 4])
      for (const rank of [0, 1]) await two.save(rank, 8, { rank })
      await two.end()
      const one = new Processes(ground, 1)
      expect((await one.latest(0))?.state.json).toEqual({ rank: 0 })
      expect(await one.steps()).toEqual([8])
      await one.save(0, 10, "alone")
      expect(await one.steps()).toEqual([10])
      await one.end()
      expect(await four.steps()).toEqual([10, 10, 10, 10])
      expect((await four.latest(3))?.state.json).toBe("alone")
      for (const rank of [0, 1, 2, 3]) await four.save(rank, 12, { rank })
      await four.end()
      expect(await four.steps()).toEqual([12, 12, 12, 12])
      await four.end()
    }))

  test("a cursor of another rank is refused before anything is written", () =>
    on(make, async (ground) => {
      const run = new Processes(ground, 2)
      const service = await run.service(1)
      const error = await Effect.runPromise(Effect.flip(service.save({ cursor: cursorAt(0, 1, 4) })))
      expect(error).toMatchObject({ _tag: "CheckpointError", kind: "cursor" })
      expect(error.message).toContain("its cursor is of rank 0 of 1, and these are the checkpoints of rank 1 of 2")
      expect(error.message).toContain("open the run with the same rank and world")
      expect(await run.kept(1)).toEqual([])
      await run.end()
    }))

  test(
    "killed anywhere and started again, ranks stay in step and each sample comes to one of them once",
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              world: fc.constantFrom(1, 2, 4),
              // Ranks are killed apart: some of them one or two checkpoints ahead of others.
              kills: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 4, maxLength: 4 })
            }),
            { maxLength: 4 }
          ),
          fc.integer({ min: 1, max: 4 }),
          (lives, every) =>
            on(make, async (ground) => {
              const whole = await Effect.runPromise(
                running({ rank: 0, world: 1 }, undefined, (loader) =>
                  Effect.gen(function* () {
                    const all: Array<ReadonlyArray<number>> = []
                    for (;;) {
                      const next = yield* loader.take
                      if (Option.isNone(next)) return all
                      all.push(Array.from(next.value.columns.data))
                    }
                  })
                )
              )
              for (const { kills, world } of [...lives, { world: 2, kills: [99, 99, 99, 99] }]) {
                const run = new Processes(ground, world, 1)
                const starts = []
                for (let rank = 0; rank < world; rank++) starts.push(await run.latest(rank))
                const steps = new Set(starts.map((saved) => saved?.cursor.batches ?? 0))
                expect(steps.size).toBe(1)
                const [start = 0] = steps
                for (let rank = 0; rank < world; rank++) {
                  const service = await run.service(rank)
                  await Effect.runPromise(
                    running({ rank, world }, starts[rank]?.cursor, (loader) =>
                      Effect.gen(function* () {
                        // A rank cannot be further ahead of the others than one step of theirs.
                        const end = Math.min(
                          start + (kills[rank] ?? 0),
                          start + Math.min(...kills.slice(0, world)) + every
                        )
                        for (let step = start; step < end; step++) {
                          const next = yield* loader.take
                          if (Option.isNone(next)) break
                          const part = Array.from(next.value.columns.data)
                          const share = 4 / world
                          expect(part).toEqual((whole[step] ?? []).slice(rank * share, (rank + 1) * share))
                          if ((step + 1) % every === 0) {
                            const cursor = yield* loader.cursor
                            yield* service.save({ cursor, state: { json: step + 1 } })
                          }
                        }
                      })
                    ).pipe(Effect.provide(quiet))
                  )
                }
                for (const saved of starts) if (saved !== undefined) expect(saved.state.json).toBe(start)
                await run.end()
              }
            })
        ),
        { numRuns: name === "a folder" ? 8 : 20 }
      ),
    TIME
  )
})

describe("refused", () => {
  const failure = (layer: Place) =>
    Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer)))) as Promise<{ readonly message: string }>

  test.each([
    [{ rank: 2, world: 2 }, "rank must be below the world size, 0 to 1, got 2"],
    [{ rank: -1, world: 2 }, "rank must be a whole number of at least 0, got -1"],
    [{ world: 0 }, "world must be a whole number of at least 1, got 0"],
    [{ rank: 1 }, "rank must be below the world size, 0 to 0, got 1"]
  ])("%j", async (options, message) => {
    const directory = mkdtempSync(join(tmpdir(), "furrow-ranks-"))
    const store = Layer.succeed(KeyValueStore.KeyValueStore, stringsOnly())
    for (const layer of [
      Checkpoint.file({ directory, ...options }).pipe(Layer.provide(BunContext.layer)),
      Checkpoint.keyValue(options).pipe(Layer.provide(store)),
      Checkpoint.memory({ ...options, shared: new Checkpoint.SharedMemory() })
    ])
      expect((await failure(layer)).message).toBe(message)
    rmSync(directory, { recursive: true })
  })

  test("memory that ranks do not share", async () => {
    const { message } = await failure(Checkpoint.memory({ rank: 0, world: 2 }))
    expect(message).toContain("shared must be a Checkpoint.SharedMemory that all ranks are given")
  })
})

test("in a folder each rank has one of its own, with a lock of its own; what is foreign there is left alone", async () => {
  const directory = mkdtempSync(join(tmpdir(), "furrow-ranks-"))
  mkdirSync(join(directory, "rank-7"))
  writeFileSync(join(directory, "rank-0-of-many"), "mine")
  const layer = (rank: number) => Checkpoint.file({ directory, rank, world: 2 }).pipe(Layer.provide(BunContext.layer))
  const save = (rank: number) =>
    Effect.flatMap(Checkpoint.Checkpoint, ({ save }) => save({ cursor: cursorAt(rank, 2, 3) }))
  const both = Effect.all([0, 1].map((rank) => Effect.provide(save(rank), layer(rank))))
  const paths = (await Effect.runPromise(both)).map(({ path }) => path)
  expect(paths).toEqual([0, 1].map((rank) => `${directory}/rank-${rank}-of-2/checkpoint-000000000003.furrow`))
  const twice = Effect.provide(Effect.provide(save(0), layer(0)), layer(0))
  expect(await Effect.runPromise(Effect.flip(twice))).toMatchObject({ _tag: "CheckpointError", kind: "locked" })
  expect(readdirSync(directory).toSorted()).toEqual(["rank-0-of-2", "rank-0-of-many", "rank-1-of-2", "rank-7"])
  expect(readFileSync(join(directory, "rank-0-of-many"), "utf8")).toBe("mine")
  rmSync(directory, { recursive: true })
})
