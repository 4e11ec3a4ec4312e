/** The requests of a member where streams are carried: in their order, and none to a member that another one has replaced. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { Dataset, Parity, Pipeline, Sampler } from "../../../../src/index.ts"
import * as ProvidedPlan from "../../../../src/scheduler/backends/ProvidedPlan.ts"
import { BatchRequests } from "../../../../src/scheduler/backends/remote/BatchRequests.ts"
import { CarriedRequests } from "../../../../src/scheduler/backends/remote/CarriedRequests.ts"
import { PendingBatch, type PendingPool } from "../../../../src/scheduler/backends/remote/PendingBatch.ts"
import { SlowBatches } from "../../../../src/scheduler/backends/remote/SlowBatches.ts"
import { failFirst } from "../../../../src/scheduler/build/FailureRules.ts"
import { rowsOf } from "../../../../src/scheduler/build/RowRange.ts"

const pipeline = Pipeline.from(Dataset.range(24)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (index, rng) => index + rng.float()),
  Pipeline.batch(4)
)

const nothing = (): undefined => undefined

/** A member that is sent requests of two epochs of six batches, which one worker builds. */
const member = async () => {
  const runPlan = await Effect.runPromise(
    Effect.provide(ProvidedPlan.make(pipeline, 1, {}), Parity.pytorch({ torch: 42 }))
  )
  const requests = new BatchRequests(runPlan, undefined)
  const pool: PendingPool = {
    slow: new SlowBatches("threads", nothing),
    runPlan,
    failures: failFirst,
    times: undefined,
    backend: "test",
    module: "file:///app/a.ts",
    timeout: undefined,
    wanted: nothing,
    forget: nothing,
    retry: nothing,
    left: (_, limit) => limit,
    replace: nothing,
    stage: nothing,
    drop: nothing,
    observe: nothing
  }
  /** What was sent, as ids with their batches. */
  const sent: Array<readonly [id: number, batch: number]> = []
  let ids = 100
  const carried = new CarriedRequests({
    runPlan,
    requests,
    newId: () => ids++,
    send: ({ id, request }) => sent.push([id, request.batch]),
    sendAgain: (id, { batch }) => sent.push([id, batch]),
    fork: (effect) => {
      Effect.runFork(effect)
    },
    failed: (_, reason) => {
      throw new Error(reason)
    }
  })
  const add = (id: number, batch: number): void => {
    const range = rowsOf(runPlan, 0, 0, batch)
    if (range === undefined) throw new Error("the epoch has no such batch")
    carried.add(new PendingBatch(pool, id, requests.make(0, range), nothing))
  }
  /** A batch that is built again is here. */
  const built = (id: number): boolean =>
    carried.takes(id, { _tag: "Built", content: () => ({ batch: undefined, hash: undefined }), discard: nothing })
  return { add, built, carried, sent }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

test("what waits is sent in the order of the plan, behind all batches before it", async () => {
  const { add, built, carried, sent } = await member()
  for (const batch of [4, 2, 3]) add(batch, batch)
  carried.send()
  await settled()
  expect(sent).toEqual([[100, 0]])
  expect(built(100)).toBe(true)
  await settled()
  expect(built(101)).toBe(true)
  await settled()
  expect(sent).toEqual([
    [100, 0],
    [101, 1],
    [2, 2],
    [3, 3],
    [4, 4]
  ])
})

test("a member that goes at its answer has no successor that is sent what comes behind", async () => {
  const { add, built, carried, sent } = await member()
  add(3, 3)
  carried.send()
  await settled()
  expect(built(100)).toBe(true)
  carried.restart()
  await settled()
  expect(sent).toEqual([[100, 0]])
  // The next one builds from the start.
  carried.send()
  await settled()
  for (const id of [101, 102, 103]) {
    expect(built(id)).toBe(true)
    await settled()
  }
  expect(sent.slice(1)).toEqual([
    [101, 0],
    [102, 1],
    [103, 2],
    [3, 3]
  ])
})
