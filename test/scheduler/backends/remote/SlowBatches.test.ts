/** A batch that is waited for and takes long is told, and those that take as long after it are not. */
import { expect, test } from "bun:test"
import { Effect, Logger } from "effect"
import { type SlowBatch, SlowBatches } from "../../../../src/scheduler/backends/remote/SlowBatches.ts"

const batch = (number: number, age: number, isWanted = true): SlowBatch => ({
  request: { epoch: 1, batch: number },
  isWanted,
  age,
  stage: number === 7 ? "decode" : undefined
})

test("a batch that is waited for is told with its place once it takes long, and then one that takes twice as long", async () => {
  const told: Array<string> = []
  const logger = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ message }) => void told.push(String(message)))
  )
  const slow = new SlowBatches("cluster", (effect) => Effect.runSync(Effect.provide(effect, logger)), 20_000, 5)
  const looks = () => new Promise((resolve) => setTimeout(resolve, 30))
  for (const own of [batch(1, 0), batch(2, 19_000), batch(3, 90_000, false)]) slow.add(own)
  await looks()
  expect(told).toEqual([])
  const done = batch(4, 50_000)
  slow.add(done)
  slow.remove(done)
  slow.add(batch(7, 20_400))
  slow.add(batch(8, 30_000))
  await looks()
  expect(told).toEqual([
    'backend cluster: batch 7 of epoch 1 has been built for 20s, and is at stage "decode"; ' +
      "it may never end; the option `timeout` limits how long a batch may take"
  ])
  slow.add(batch(9, 41_000))
  await looks()
  expect(told[1]).toContain("batch 9 of epoch 1 has been built for 41s; it may never end")
  expect(told).toHaveLength(2)
})
