/**
 * Which epochs a run delivers: the first n, one alone, or what is left of a cursor's run.
 */
import { describe, expect, test } from "bun:test"
import { Chunk, Effect, Option, Stream } from "effect"
import { sha256 } from "../../../src/core/runtime.ts"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { hex } from "../../../src/scheduler/plan/Digest.ts"

const numbers = Pipeline.from(Dataset.range(10)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => x + rng.double()),
  Pipeline.batch(4)
)

const provided = <A, E>(run: Effect.Effect<A, E, SeedPolicy.SeedPolicy | Workers.Workers>, workers = 2) =>
  run.pipe(Effect.provide(SeedPolicy.epochWorker({ seed: 42 })), Effect.provide(Workers.fibers({ workers })))

/** Takes up to `count` batches; options as plain JavaScript can give them. */
const part = (options: unknown, count = Infinity) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(numbers, options as Scheduler.Options)
      const taken: Array<string> = []
      while (taken.length < count) {
        const batch = yield* loader.take
        if (Option.isNone(batch)) break
        const { columns, epoch, index } = batch.value
        taken.push(`${epoch}.${index}: ${columns.data.join()}`)
      }
      return { taken, cursor: JSON.parse(JSON.stringify(yield* loader.cursor)) as unknown }
    }).pipe(Effect.scoped, provided)
  )

const refused = (options: unknown) =>
  Effect.runPromise(Effect.scoped(Scheduler.open(numbers, options as Scheduler.Options)).pipe(Effect.flip, provided))

describe("the epochs of a run", () => {
  test("are the first n, or one alone, or what is left of a cursor's run", async () => {
    const whole = await part({ epochs: 3 })
    expect(whole.taken.length).toBe(9)
    for (const epoch of [0, 1, 2]) {
      expect((await part({ epoch })).taken).toEqual(whole.taken.slice(3 * epoch, 3 * epoch + 3))
    }
    for (const count of [0, 2, 3, 7, 9]) {
      const left = await part({ epochs: 3 }, count)
      expect((await part({ from: left.cursor })).taken).toEqual(whole.taken.slice(count))
      // In fewer epochs than it was to have; not in fewer than it has delivered already.
      if (count <= 6) {
        expect((await part({ from: left.cursor, epochs: 2 })).taken).toEqual(whole.taken.slice(count, 6))
      } else {
        const error = await refused({ from: left.cursor, epochs: 2 })
        expect(error).toMatchObject({ _tag: "InvalidOption", option: "epochs", value: 2 })
        expect(error.message).toContain(
          `it has taken ${count === 7 ? "1 batch" : "3 batches"} beyond the end of 2 epochs`
        )
      }
    }
    const half = await part({ epoch: 1 }, 1)
    expect((await part({ from: half.cursor })).taken).toEqual(whole.taken.slice(4, 6))
    expect((await part({ from: half.cursor, epoch: 1 })).taken).toEqual(whole.taken.slice(4, 6))
    expect((await part({ from: half.cursor, epochs: 3 })).taken).toEqual(whole.taken.slice(4))
    const end = await part({ epoch: 1 })
    expect(end.cursor).toMatchObject({ epoch: 2, batch: 0, end: 2 })
    expect((await part({ from: end.cursor })).taken).toEqual([])
    expect((await part({ from: end.cursor, epoch: 1 })).taken).toEqual([])
    expect((await part({ epochs: 0 })).taken).toEqual([])
  })

  test("must be named: an InvalidOption tells the three ways", async () => {
    for (const options of [undefined, null, {}, { digest: true }, { from: undefined }, { epochs: undefined }]) {
      const error = await refused(options)
      expect(error).toMatchObject({ _tag: "InvalidOption" })
      for (const way of ["{ epochs: n }", "{ epoch: k }", "{ from: cursor }"]) expect(error.message).toContain(way)
    }
    const streamed = Stream.runDrain(Scheduler.stream(numbers, {} as Scheduler.Options)).pipe(Effect.flip, provided)
    expect(await Effect.runPromise(streamed)).toMatchObject({ _tag: "InvalidOption" })
  })

  test("contradict nothing: two ways at once, no number, or a cursor that stands elsewhere are refused", async () => {
    expect(await refused({ epochs: 2, epoch: 1 })).toMatchObject({ _tag: "InvalidOption", option: "epochs", value: 2 })
    for (const epoch of [-1, 0.5, "1", null, Number.NaN]) {
      expect(await refused({ epoch })).toMatchObject({ _tag: "InvalidOption", option: "epoch" })
      expect(await refused({ epochs: epoch })).toMatchObject({ _tag: "InvalidOption", option: "epochs" })
    }
    const { cursor } = await part({ epochs: 3 }, 1)
    expect(await refused({ epoch: 2, from: cursor })).toMatchObject({
      _tag: "InvalidOption",
      option: "epoch",
      value: 2
    })
    expect(await refused({ from: "cursor" })).toMatchObject({ _tag: "CursorError" })
  })

  test("are not known of a cursor that was written before cursors kept them; epochs says so", async () => {
    const { cursor } = await part({ epochs: 2 }, 2)
    const { checksum: _, end, ...rest } = cursor as Record<string, unknown>
    expect(end).toBe(2)
    const old = { ...rest, checksum: "" }
    const { checksum, ...signed } = old
    const stored = { ...signed, checksum: hex(sha256(JSON.stringify(signed))).slice(0, 16) }
    expect(checksum).toBe("")
    expect(await refused({ from: stored })).toMatchObject({ _tag: "InvalidOption", option: "epochs" })
    expect((await part({ from: stored, epochs: 2 })).taken.length).toBe(4)
  })

  test("are shared by ranks like any others", async () => {
    const all = await Effect.runPromise(
      Stream.runCollect(Scheduler.stream(numbers, { epoch: 5, rank: 1, world: 2 })).pipe(provided)
    )
    expect(Chunk.toReadonlyArray(all).map(({ epoch, size }) => [epoch, size])).toEqual([
      [5, 2],
      [5, 2],
      [5, 1]
    ])
  })
})
