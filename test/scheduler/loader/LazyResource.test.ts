/**
 * What a finalizer that fails does to a run, and how calls that overlap end: by the doors for code without Effect.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Cause, Context, Effect, Layer, Logger, Option, Tracer } from "effect"
import { Dataset, furrow, Pipeline, type Run, Scheduler, Workers } from "../../../src/index.ts"

class Db extends Context.Tag("Db")<Db, number>() {}
class Gone extends Error {
  override name = "Gone"
}
const gone = new Gone("connection is gone")

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "it resolved",
    (reason: unknown) => reason
  )

/** A layer whose finalizer dies, and what is logged under it. */
const dying = () => {
  const logged: Array<string> = []
  const layer = Layer.merge(
    Layer.scoped(
      Db,
      Effect.acquireRelease(Effect.succeed(1), () => Effect.promise(() => Promise.reject(gone)))
    ),
    Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ cause, logLevel, message }) => {
        logged.push(`${logLevel.label} ${String(message)}: ${Cause.pretty(cause).split("\n")[0]}`)
      })
    )
  )
  return { layer, logged }
}

const WARNING = "WARN a finalizer failed while a run or its layer was closed: Gone: connection is gone"

const served = (fails = -1) =>
  Pipeline.from(Dataset.range(8)).pipe(
    Pipeline.mapEffect("load", (x) =>
      x === fails ? Effect.fail("not an image") : Effect.map(Db, (offset) => offset + x)
    ),
    Pipeline.batch(2)
  )

const drain = async (run: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of run);
}

const takeAll = async (run: Run<unknown>): Promise<void> => {
  while ((await run.take()) !== undefined);
}

/** Rejections that nobody waits for would end the process. */
const unhandled: Array<unknown> = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on("unhandledRejection", note))
afterAll(() => {
  process.off("unhandledRejection", note)
})

describe("a finalizer that fails", () => {
  test("does not take the place of a stage's error, and is logged", async () => {
    const doors: ReadonlyArray<(layer: Layer.Layer<Db>) => Promise<void>> = [
      (layer) => drain(furrow(served(3), { epochs: 1, layer })),
      (layer) => takeAll(furrow(served(3), { epochs: 1, layer })),
      async (layer) => {
        for await (const epoch of furrow(served(3), { epochs: 1, layer }).epochs) await drain(epoch)
      },
      (layer) => drain(Scheduler.iterate(served(3), Layer.merge(layer, Workers.fibers({ workers: 1 })), { epochs: 1 }))
    ]
    for (const door of doors) {
      const { layer, logged } = dying()
      const reason = await reasonOf(door(layer))
      expect(reason).toBeInstanceOf(Scheduler.StageError)
      expect(reason).toMatchObject({ stage: "load", sample: 3, cause: "not an image" })
      expect(logged).toEqual([WARNING])
    }
  })

  test("leaves a stage's error to a close that follows it", async () => {
    const run = furrow(served(3), { epochs: 1, layer: dying().layer })
    const reason = await reasonOf(
      (async () => {
        try {
          await drain(run)
        } finally {
          await run.close()
        }
      })()
    )
    expect(reason).toBeInstanceOf(Scheduler.StageError)
  })

  test("is thrown as it is, once, where nothing else failed", async () => {
    const ends: ReadonlyArray<(run: Run<unknown>) => Promise<void>> = [
      drain,
      takeAll,
      async (run) => {
        for await (const _ of run) break
      },
      async (run) => {
        await run.take()
        await run.close()
      }
    ]
    for (const end of ends) {
      const { layer, logged } = dying()
      const run = furrow(served(), { epochs: 1, layer })
      expect(await reasonOf(end(run))).toBe(gone)
      expect(logged).toEqual([WARNING])
      await run.close()
    }
    const { layer } = dying()
    const iterator = Scheduler.iterate(served(), Layer.merge(layer, Workers.fibers({ workers: 1 })), { epochs: 1 })
    expect(await reasonOf(drain(iterator))).toBe(gone)
  })

  test("does not take the place of what the loop threw, and is logged", async () => {
    const { layer, logged } = dying()
    const looped = async () => {
      for await (const _ of furrow(served(), { epochs: 1, layer })) throw new Error("the step's own")
    }
    expect(await reasonOf(looped())).toMatchObject({ message: "the step's own" })
    expect(logged).toEqual([WARNING])
  })

  test("does not take the place of an abort's reason, for this call and the next", async () => {
    const slow = Pipeline.from(Dataset.range(8)).pipe(
      Pipeline.mapEffect("load", (x) => (x < 2 ? Effect.map(Db, (offset) => offset + x) : Effect.never)),
      Pipeline.batch(2)
    )
    const { layer, logged } = dying()
    const stop = new AbortController()
    const run = furrow(slow, { epochs: 1, layer, signal: stop.signal })
    await run.take()
    const waiting = reasonOf(run.take())
    await new Promise((resolve) => setTimeout(resolve, 5))
    stop.abort("my reason")
    expect(await waiting).toBe("my reason")
    expect(await reasonOf(run.take())).toBe("my reason")
    expect(await reasonOf(drain(run))).toBe("my reason")
    await run.close()
    expect(logged).toEqual([WARNING])

    // Nobody waits for a batch.
    const other = dying()
    const again = new AbortController()
    const idle = furrow(served(), { epochs: 1, layer: other.layer, signal: again.signal })
    await idle.take()
    again.abort("another reason")
    expect(await reasonOf(idle.take())).toBe("another reason")
    expect(other.logged).toEqual([WARNING])
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(unhandled).toEqual([])
  })

  test("is logged where a logger of the layer throws, too", async () => {
    const throwing = Logger.replace(
      Logger.defaultLogger,
      Logger.make(() => {
        throw new Error("the logger is closed")
      })
    )
    const layer = Layer.merge(dying().layer, throwing)
    expect(await reasonOf(drain(furrow(served(3), { epochs: 1, layer })))).toBeInstanceOf(Scheduler.StageError)
  })

  test("of a tracer does not take the place of a stage's error", async () => {
    for (const name of ["furrow.run", "furrow.batch", "load"]) {
      const spans = Layer.setTracer(
        Tracer.make({
          span: (own) => ({
            _tag: "Span",
            spanId: "1",
            traceId: "1",
            name: own,
            sampled: true,
            status: { _tag: "Started", startTime: 0n },
            attributes: new Map(),
            links: [],
            context: Context.empty(),
            kind: "internal",
            parent: Option.none(),
            attribute: () => {},
            event: () => {},
            addLinks: () => {},
            end: () => {
              if (own === name) throw new Error(`the end of ${own}`)
            }
          }),
          context: (run) => run()
        })
      )
      const { layer, logged } = dying()
      const reason = await reasonOf(drain(furrow(served(0), { epochs: 1, layer: Layer.merge(layer, spans) })))
      expect([name, reason]).toEqual([name, expect.any(Scheduler.StageError)])
      if (name !== "load") expect(logged.some((line) => line.includes("WARN"))).toBe(true)
    }
  })

  test("while a layer is built is logged if that is called off", async () => {
    const logged: Array<string> = []
    const log = console.log
    console.log = (...line: ReadonlyArray<unknown>) => void logged.push(line.join(" "))
    try {
      const begun = Promise.withResolvers<void>()
      const layer = Layer.effect(
        Db,
        Effect.onInterrupt(Effect.zipRight(Effect.sync(begun.resolve), Effect.never), () => Effect.die(gone))
      )
      const run = Scheduler.iterate(served(), layer, { epochs: 1 })[Symbol.asyncIterator]()
      const waiting = run.next()
      await begun.promise
      await run.return?.()
      expect(await waiting).toMatchObject({ done: true })
    } finally {
      console.log = log
    }
    expect(logged.join("\n")).toContain("what was under way failed while it was called off")
    expect(logged.join("\n")).toContain("connection is gone")
  })
})

describe("calls that overlap", () => {
  const numbers = Pipeline.from(Dataset.range(10)).pipe(Pipeline.batch(4))

  test("end as calls in turn do, at the end of a run", async () => {
    const iterator = furrow(numbers, { epochs: 1 })[Symbol.asyncIterator]()
    const all = await Promise.all(Array.from({ length: 6 }, () => iterator.next()))
    expect(all.map(({ done, value }) => (done === true ? "done" : value?.index))).toEqual([
      0,
      1,
      2,
      "done",
      "done",
      "done"
    ])
  })

  test("share the batches of a run among two loops, and both end", async () => {
    const run = furrow(numbers, { epochs: 1 })
    const seen: Array<number> = []
    const loop = async () => {
      for await (const { index } of run) {
        seen.push(index)
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    await Promise.all([loop(), loop()])
    expect(seen).toEqual([0, 1, 2])
    // What begins afterwards is refused: it would see nothing.
    expect(await reasonOf(drain(run))).toMatchObject({ _tag: "RunClosed" })
  })

  test("share the batches of an epoch, also while the run ends", async () => {
    const run = furrow(numbers, { epochs: 1 })
    const seen: Array<number> = []
    const loops: Array<Promise<void>> = []
    for await (const epoch of run.epochs) {
      const loop = async (milliseconds: number) => {
        for await (const { index } of epoch) {
          seen.push(index)
          await new Promise((resolve) => setTimeout(resolve, milliseconds))
        }
      }
      loops.push(loop(20))
      await loop(0)
    }
    await Promise.all(loops)
    expect(seen).toEqual([0, 1, 2])
  })

  test("are told that the run was closed, if it did not end", async () => {
    const run = furrow(numbers, { epochs: 1 })
    await run.take()
    await run.close()
    expect(await reasonOf(run.take())).toMatchObject({ _tag: "RunClosed" })
    expect(await reasonOf(drain(run))).toMatchObject({ _tag: "RunClosed" })
  })
})
