/**
 * The laws of every place that keeps checkpoints: a folder, memory, key-value stores.
 */
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { KeyValueStore } from "@effect/platform"
import { BunContext } from "@effect/platform-bun"
import { Cause, Effect, Either, Exit, Fiber, Layer, Option, Runtime } from "effect"
import fc from "fast-check"
import { Checkpoint } from "../../src/index.ts"
import { cursorAt, cursors } from "../support/cursors.ts"
import { stringsOnly } from "../support/stores.ts"

type Place = Layer.Layer<Checkpoint.Checkpoint, unknown>

/** A place that a run can be taken up at again, and what clears it away. */
interface Ground {
  readonly layer: (keep: number) => Place
  readonly clear: () => void
}

const folder = (): { readonly path: string; readonly clear: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "furrow-checkpoint-"))
  return { path, clear: () => rmSync(path, { recursive: true, force: true }) }
}

const grounds: Readonly<Record<string, () => Ground>> = {
  "a folder": () => {
    const { clear, path } = folder()
    const layer = (keep: number) =>
      Checkpoint.file({ directory: join(path, "made", "by it"), keep }).pipe(Layer.provide(BunContext.layer))
    return { layer, clear }
  },
  "a key-value store in files": () => {
    const { clear, path } = folder()
    const store = KeyValueStore.layerFileSystem(path).pipe(Layer.provide(BunContext.layer))
    return { layer: (keep) => Checkpoint.keyValue({ keep, name: "a run" }).pipe(Layer.provide(store)), clear }
  },
  "a key-value store in memory": () => {
    const store = Effect.runSync(Effect.provide(KeyValueStore.KeyValueStore, KeyValueStore.layerMemory))
    const provided = Layer.succeed(KeyValueStore.KeyValueStore, store)
    return { layer: (keep) => Checkpoint.keyValue({ keep }).pipe(Layer.provide(provided)), clear: () => {} }
  },
  "a key-value store of strings": () => {
    const provided = Layer.succeed(KeyValueStore.KeyValueStore, stringsOnly())
    return { layer: (keep) => Checkpoint.keyValue({ keep }).pipe(Layer.provide(provided)), clear: () => {} }
  }
}

const on = <A, E>(place: Place, use: (checkpoint: Checkpoint.Service) => Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(Effect.provide(Effect.flatMap(Checkpoint.Checkpoint, use), place))

const part = (step: number): Checkpoint.Snapshot => ({
  cursor: cursorAt(step),
  state: { json: { step }, bytes: { weights: Uint8Array.of(step, 0, 255), velocities: new Uint8Array(step) } }
})

const stepOf = (saved: Option.Option<Checkpoint.Saved>): unknown =>
  Option.getOrUndefined(Option.map(saved, ({ state }) => state.json))

for (const [name, make] of Object.entries(grounds)) {
  describe(`checkpoints in ${name}`, () => {
    const within = async (use: (ground: Ground) => Promise<void>): Promise<void> => {
      const ground = make()
      try {
        await use(ground)
      } finally {
        ground.clear()
      }
    }

    test("are none at first; then the newest is the last that was saved, cursor and state as they were", () =>
      within(async ({ layer }) => {
        expect(await on(layer(3), ({ latest }) => latest)).toEqual(Option.none())
        await on(layer(3), ({ save }) => Effect.forEach([1, 2], (step) => save(part(step))))
        const saved = Option.getOrThrow(await on(layer(3), ({ latest }) => latest))
        expect(saved.cursor).toEqual(cursorAt(2))
        expect(saved.state.json).toEqual({ step: 2 })
        expect(Array.from(saved.state.bytes["weights"] ?? [])).toEqual([2, 0, 255])
        expect(saved.state.bytes["velocities"]).toHaveLength(2)
        expect({ id: saved.id, skipped: saved.skipped }).toEqual({ id: 2, skipped: [] })
      }))

    test("with no state are those of the cursor alone", () =>
      within(async ({ layer }) => {
        await on(layer(1), ({ save }) => save({ cursor: cursorAt(0) }))
        const saved = Option.getOrThrow(await on(layer(1), ({ latest }) => latest))
        expect(saved.state).toEqual({ json: null, bytes: {} })
      }))

    test("hold what there was when the save started, however long it waited for its turn", () =>
      within(async ({ layer }) => {
        const weights = new Uint8Array(8)
        const json = { losses: [0] }
        const entries = await on(layer(9), ({ latest, list, save }) =>
          Effect.gen(function* () {
            const saves: Array<Fiber.RuntimeFiber<Checkpoint.Entry, Checkpoint.CheckpointError>> = []
            for (let step = 1; step <= 3; step++) {
              weights.fill(step)
              json.losses.push(step)
              const saving = save({ cursor: cursorAt(step), state: { json, bytes: { weights } } })
              saves.push(Runtime.runFork(yield* Effect.runtime<never>())(saving))
            }
            weights.fill(99)
            json.losses.push(99)
            const last = yield* Effect.fork(save({ cursor: cursorAt(4), state: { json, bytes: { weights } } }))
            yield* Effect.yieldNow()
            weights.fill(100)
            yield* Fiber.joinAll([...saves, last])
            return { newest: yield* latest, all: yield* list }
          })
        )
        expect(entries.all.map(({ content }) => Either.getOrThrow(content).batches)).toEqual(
          [4, 3, 2, 1].map((step) => cursorAt(step).batches)
        )
        const { state } = Option.getOrThrow(entries.newest)
        expect(state.json).toEqual({ losses: [0, 1, 2, 3, 99] })
        expect(Array.from(state.bytes["weights"] ?? [])).toEqual(new Array(8).fill(99))
      }))

    test("are a model of the last k, over any number of starts", () =>
      within(async () => {
        const starts = fc.array(fc.record({ keep: fc.integer({ min: 1, max: 4 }), saves: fc.nat({ max: 6 }) }), {
          minLength: 1,
          maxLength: 4
        })
        await fc.assert(
          fc.asyncProperty(starts, async (all) => {
            const { clear, layer } = make()
            try {
              let step = 0
              for (const { keep, saves } of all) {
                const had = await on(layer(keep), ({ list }) => list)
                const list = await on(layer(keep), ({ latest, list, save }) =>
                  Effect.gen(function* () {
                    for (let count = 0; count < saves; count++) {
                      step++
                      const entry = yield* save(part(step))
                      expect(entry.id).toBe(step)
                      expect(stepOf(yield* latest)).toEqual({ step })
                    }
                    return yield* list
                  })
                )
                // Nothing goes before the first save of a start.
                const count = saves === 0 ? had.length : Math.min(keep, had.length + saves)
                expect(list.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, at) => step - at))
                for (const { content, id } of list) {
                  expect(Either.getOrThrow(content)).toEqual(cursorAt(id ?? -1))
                }
              }
            } finally {
              clear()
            }
          }),
          { numRuns: 12 }
        )
      }))

    test("a state that cannot be stored costs nothing that is there", () =>
      within(async ({ layer }) => {
        await on(layer(1), ({ save }) => save(part(1)))
        const exit = await on(layer(1), ({ save }) =>
          Effect.exit(save({ cursor: cursorAt(2), state: { json: Number.NaN } }))
        )
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        expect(error).toMatchObject({ _tag: "CheckpointError", kind: "state" })
        expect(stepOf(await on(layer(1), ({ latest }) => latest))).toEqual({ step: 1 })
      }))

    test("saved all at once are kept one by one", () =>
      within(async ({ layer }) => {
        const steps = cursors.map((_, place) => place)
        const ids = await on(layer(2), ({ save }) =>
          Effect.forEach(steps, (step) => Effect.map(save(part(step)), ({ id }) => id), { concurrency: "unbounded" })
        )
        expect(ids).toEqual(steps.map((step) => step + 1))
        const list = await on(layer(2), ({ list }) => list)
        expect(list.map(({ id }) => id)).toEqual([steps.length, steps.length - 1])
      }))

    test("an interrupt leaves a save that has begun to its end", () =>
      within(async ({ layer }) => {
        const list = await on(layer(3), ({ list, save }) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.fork(Effect.zipRight(save(part(1)), save(part(2))))
            yield* Effect.yieldNow()
            yield* fiber.interruptAsFork(fiber.id())
            yield* fiber.await
            return yield* list
          })
        )
        expect(list.length).toBeGreaterThan(0)
        for (const { content } of list) expect(Either.isRight(content)).toBe(true)
      }))
  })
}

describe("checkpoints in memory", () => {
  test("live as long as their layer", async () => {
    const layer = Checkpoint.memory({ keep: 2 })
    const list = await on(layer, ({ list, save }) =>
      Effect.zipRight(
        Effect.forEach([1, 2, 3], (step) => save(part(step))),
        list
      )
    )
    expect(list.map(({ id }) => id)).toEqual([3, 2])
    expect(await on(layer, ({ list }) => list)).toEqual([])
  })
})

describe("a key-value store", () => {
  test("keeps runs of two names apart", async () => {
    const store = Effect.runSync(Effect.provide(KeyValueStore.KeyValueStore, KeyValueStore.layerMemory))
    const layer = (name: string) =>
      Checkpoint.keyValue({ name }).pipe(Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)))
    await on(layer("a"), ({ save }) => save(part(1)))
    await on(layer("b"), ({ save }) => save(part(2)))
    expect(stepOf(await on(layer("a"), ({ latest }) => latest))).toEqual({ step: 1 })
    expect(stepOf(await on(layer("b"), ({ latest }) => latest))).toEqual({ step: 2 })
  })

  test("that cuts a write off loses that checkpoint only, and what it left is passed over and kept", async () => {
    const entries = new Map<string, Uint8Array>()
    let cut = Number.POSITIVE_INFINITY
    const store = KeyValueStore.make({
      get: (key) =>
        Effect.succeed(Option.map(Option.fromNullable(entries.get(key)), (b) => new TextDecoder().decode(b))),
      getUint8Array: (key) => Effect.succeed(Option.fromNullable(entries.get(key))),
      set: (key, value) =>
        Effect.sync(() => {
          const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value
          entries.set(key, bytes.slice(0, cut))
        }),
      remove: (key) => Effect.sync(() => void entries.delete(key)),
      clear: Effect.sync(() => entries.clear()),
      size: Effect.sync(() => entries.size)
    })
    const layer = Checkpoint.keyValue({ keep: 2 }).pipe(
      Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store))
    )
    for (const [step, bytes] of [
      [1, 1e9],
      [2, 1e9],
      [3, 300],
      [4, 10]
    ] as const) {
      cut = bytes
      const saved = await on(layer, ({ save }) => Effect.either(save(part(step))))
      if (bytes === 1e9) expect(saved._tag).toBe("Right")
      else expect(saved).toMatchObject({ _tag: "Left", left: { _tag: "CheckpointError", kind: "truncated" } })
    }
    cut = Number.POSITIVE_INFINITY
    const saved = Option.getOrThrow(await on(layer, ({ latest }) => latest))
    expect(saved.state.json).toEqual({ step: 2 })
    expect(saved.skipped.map(({ kind }) => kind)).toEqual(["truncated", "truncated"])
    const list = await on(layer, ({ list, save }) =>
      Effect.zipRight(
        Effect.forEach([5, 6, 7], (step) => save(part(step))),
        list
      )
    )
    expect(
      list.filter(({ content }) => Either.isRight(content)).map(({ content }) => Either.getOrThrow(content))
    ).toEqual([cursorAt(7), cursorAt(6)])
    expect(list.filter(({ content }) => Either.isLeft(content))).toHaveLength(2)
  })

  test("that is given none, or holds only what is damaged, never looks like a start", async () => {
    const store = stringsOnly()
    const layer = Checkpoint.keyValue().pipe(Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, store)))
    await Effect.runPromise(store.set("checkpoint-0", "not one"))
    const result = await on(layer, ({ latest }) => Effect.either(latest))
    expect(Either.getOrThrow(Either.flip(result))).toMatchObject({ kind: "foreign", path: "checkpoint-0" })
  })
})

describe("options that cannot be meant", () => {
  test.each([
    [Checkpoint.memory({ keep: 0 }), "keep must be a whole number of at least 1, got 0"],
    [Checkpoint.memory({ keep: 2.5 }), "keep must be a whole number of at least 1, got 2.5"],
    [Checkpoint.keyValue({ name: "" }).pipe(Layer.provide(KeyValueStore.layerMemory)), "name must be a name"],
    [Checkpoint.file({ directory: "" }).pipe(Layer.provide(BunContext.layer)), "directory must be a name"],
    [Checkpoint.file({ directory: "a\0b" }).pipe(Layer.provide(BunContext.layer)), "directory must be a name"]
  ])("fail with InvalidOption: %#", async (layer: Place, says) => {
    const exit = await Effect.runPromiseExit(Effect.provide(Checkpoint.Checkpoint, layer))
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    expect(error).toMatchObject({ _tag: "InvalidOption" })
    expect(error instanceof Error ? error.message : "").toContain(says)
  })
})
