/**
 * Runs and datasets that are opened where interrupts wait, as by `Effect.acquireRelease`: closing them ends what they have
 * begun all the same.
 */
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, type Scope, Stream } from "effect"
import { type Batch, Dataset, Format, Pipeline, Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { pipeline as epochs } from "../../support/threaded/epochs.ts"

const slow = Effect.delay(Effect.succeed(1), "1 millis")

/** Opens, takes a batch, and closes, all in one that no interrupt reaches. */
const closes = (open: Effect.Effect<unknown, unknown, Scope.Scope>) =>
  Effect.runPromise(
    Effect.disconnect(Effect.uninterruptible(Effect.scoped(open))).pipe(
      Effect.as("closed"),
      Effect.timeoutTo({ duration: "10 seconds", onSuccess: (own) => own, onTimeout: () => "hangs" })
    )
  )

describe("what is opened where interrupts wait ends with its scope", () => {
  const endless = Dataset.fromStream(() => Stream.repeatEffect(slow), { name: "endless" })
  const stuck = Dataset.effect({ size: 100, get: (index: number) => (index > 20 ? Effect.never : slow) })
  const pipelines: Readonly<Record<string, Pipeline.Pipeline<Batch.Batch<unknown>, unknown>>> = {
    "a stream": Pipeline.from(endless).pipe(Pipeline.batch(4)),
    "a dataset whose reads never end": Pipeline.from(stuck).pipe(Pipeline.batch(4))
  }
  for (const [name, pipeline] of Object.entries(pipelines)) {
    for (const [kind, workers] of Object.entries({
      fibers: Workers.fibers({ workers: 2 }),
      auto: Workers.auto({ workers: 2 })
    })) {
      test(`a run over ${name}, on ${kind}`, async () => {
        const run = Effect.flatMap(Scheduler.open(pipeline, { epochs: 1, replay: true }), ({ take }) => take).pipe(
          Effect.provide(Layer.mergeAll(workers, SeedPolicy.epochWorker({ seed: 1 })))
        )
        expect(await closes(run)).toBe("closed")
      }, 30_000)
    }
  }

  test("a run on threads", async () => {
    const config = { size: 100, batch: 3 }
    const workers = Workers.threads({
      workers: 2,
      pipeline: new URL("../../support/threaded/epochs.ts", import.meta.url),
      config
    })
    const run = Effect.flatMap(Scheduler.open(epochs(config), { epochs: 1, replay: true }), ({ take }) => take).pipe(
      Effect.provide(Layer.mergeAll(workers, SeedPolicy.epochWorker({ seed: 1 })))
    )
    expect(await closes(run)).toBe("closed")
  }, 30_000)

  test("shards of which an index is made", async () => {
    const folder = mkdtempSync(join(tmpdir(), "furrow-open-"))
    try {
      writeFileSync(join(folder, "a.jsonl"), '{"a":1}\n')
      const open = Dataset.open(join(folder, "a.jsonl"), { format: Format.jsonl(), index: join(folder, "index") })
      expect(await closes(open)).toBe("closed")
    } finally {
      rmSync(folder, { recursive: true })
    }
  }, 30_000)
})
