/** `forEach` of the plain door: what it delivers, what its batches are, and how it ends. */
import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { type Batch, Dataset, furrow, Image, Pipeline, Sampler, Tensor, Workers } from "../../../src/index.ts"

const noisy = Pipeline.from(Dataset.range(50)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("jitter", (x, rng) => x + rng.uniform(-0.5, 0.5)),
  Pipeline.batch(8)
)
const quiet = { seed: 42, replay: true, epochs: 2, workers: 2, digest: true } as const

/** Images whose batches lie in memory that is used again. */
const images = Pipeline.from(
  Dataset.fromColumns({
    image: Tensor.make(
      Uint8Array.from({ length: 24 * 16 }, (_, at) => at),
      [24, 4, 4, 1]
    )
  })
).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.5 })),
  Pipeline.batch(4)
)
const lent = { seed: 1, replay: true, epochs: 1, workers: Workers.fibers({ workers: 2, debug: true }) } as const
type Delivered = Batch.Delivered<{ readonly image: Tensor.Tensor }>

const stale = ({ columns }: Delivered): boolean => {
  try {
    void columns.image.data
    return false
  } catch (thrown) {
    expect(thrown).toMatchObject({ _tag: "StaleBatch" })
    return true
  }
}

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "it resolved",
    (reason: unknown) => reason
  )

describe("forEach of furrow", () => {
  test("gives each batch to a plain step or to one that waits, one after the other, as a loop does", async () => {
    const looped = furrow(noisy, quiet)
    const expected: Array<string> = []
    for await (const { epoch, index } of looped) expected.push(`${epoch}.${index}`)
    for (const waits of [false, true]) {
      const run = furrow(noisy, quiet)
      const seen: Array<string> = []
      let under = 0
      await run.forEach(({ epoch, index }) => {
        expect(under).toBe(0)
        seen.push(`${epoch}.${index}`)
        expect(run.stats.batches).toBe(seen.length)
        if (!waits) return seen.length
        under++
        return Promise.resolve().then(() => under--)
      })
      expect(seen).toEqual(expected)
      expect(run.digest).toBe(looped.digest)
      expect(await run.take()).toBeUndefined()
      expect(await reasonOf(run.forEach(() => {}))).toMatchObject({ _tag: "RunClosed" })
    }
  })

  test("lends its batch until the step's promise is settled, not until the run is closed", async () => {
    const run = furrow(images, lent)
    const given: Array<Delivered> = []
    await run.forEach(async (batch) => {
      expect(given.map(stale)).toEqual(given.map(() => true))
      given.push(batch)
      await Promise.resolve()
      expect(stale(batch)).toBe(false)
    })
    expect(given.map(stale)).toEqual(given.map(() => true))
    expect(given.length).toBe(6)

    const closed = furrow(images, lent)
    const seen: Array<Delivered> = []
    const ended = closed.forEach(async (batch) => {
      seen.push(batch)
      await closed.close()
      expect(stale(batch)).toBe(false)
    })
    expect(await reasonOf(ended)).toMatchObject({ _tag: "RunClosed", at: { epoch: 0, batch: 1 } })
    expect(seen.map(stale)).toEqual([true])
  })

  test("goes on where batches were taken, and its cursor counts the steps", async () => {
    const run = furrow(noisy, quiet)
    await run.take()
    const seen: Array<number> = []
    const ended = run.forEach(({ index }) => {
      seen.push(index)
      expect(run.cursor.batch).toBe(index + 1)
      if (index === 2) throw new Error("enough")
    })
    expect(await reasonOf(ended)).toEqual(new Error("enough"))
    expect(seen).toEqual([1, 2])
    const rest = furrow(noisy, { ...quiet, epochs: 2, from: run.cursor })
    expect((await rest.take())?.index).toBe(3)
    await rest.close()
  })

  test.each([false, true])("ends with the error of a step, as it is, and closes the run (async: %p)", async (waits) => {
    const fault = { not: "an Error" }
    const run = furrow(images, lent)
    const seen: Array<Delivered> = []
    const ended = run.forEach((batch) => {
      seen.push(batch)
      if (waits) return Promise.reject(fault)
      throw fault
    })
    expect(await reasonOf(ended)).toBe(fault)
    expect(seen.map(stale)).toEqual([true])
    expect(await reasonOf(run.take())).toMatchObject({ _tag: "RunClosed" })
  })

  test("ends with a signal once the step is done, or while a batch is waited for", async () => {
    const controller = new AbortController()
    const run = furrow(noisy, { ...quiet, signal: controller.signal })
    const seen: Array<number> = []
    const ended = run.forEach(async ({ index }) => {
      if (index === 1) controller.abort("stop")
      await Promise.resolve()
      seen.push(index)
    })
    expect(await reasonOf(ended)).toBe("stop")
    expect(seen).toEqual([0, 1])

    let released = 0
    const get = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void released++))
    const stuck = Pipeline.from(Dataset.effect({ size: 2, get })).pipe(Pipeline.batch(2))
    const other = new AbortController()
    const waiting = reasonOf(furrow(stuck, { epochs: 1, signal: other.signal }).forEach(() => {}))
    await new Promise((resolve) => setTimeout(resolve, 5))
    other.abort("stop")
    expect(await waiting).toBe("stop")
    expect(released).toBe(2)
  })

  test("tells whoever takes from the run meanwhile, and goes on", async () => {
    const run = furrow(noisy, quiet)
    const told: Array<unknown> = []
    let steps = 0
    await run.forEach(async () => {
      steps++
      const epoch = await reasonOf(run.epochs[Symbol.asyncIterator]().next())
      const calls = [run.take(), run.forEach(() => {}), run[Symbol.asyncIterator]().next()]
      told.push(epoch, ...(await Promise.all(calls.map(reasonOf))))
    })
    expect(steps).toBe(14)
    expect(new Set(told.map((error) => `${(error as { call: string }).call}`))).toEqual(
      new Set(["take", "forEach", "for await"])
    )
    expect(told).toHaveLength(4 * steps)
    expect(told[1]).toMatchObject({ _tag: "RunInUse", message: expect.stringContaining("while forEach is under way") })
  })

  test("refuses what is no step, and one that returns an effect, which would never run", async () => {
    const run = furrow(noisy, quiet)
    // @ts-expect-error: a step is a function
    expect(await reasonOf(run.forEach("train"))).toMatchObject({ _tag: "InvalidOption", option: "the step of forEach" })
    expect((await run.take())?.index).toBe(0)
    let ran = 0
    const effect = run.forEach(() => Effect.sync(() => ran++))
    expect(await reasonOf(effect)).toMatchObject({ _tag: "InvalidOption", option: "the step of forEach" })
    expect(ran).toBe(0)
  })
})
