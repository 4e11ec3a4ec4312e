/** Some kills on a simulated network, others each time; `bun run test:network` plays as many as are wanted. */
import { expect, test } from "bun:test"
import { play } from "./play.ts"
import { simulate } from "./simulate.ts"

test("a run delivers what fibers deliver, whatever dies on the way and whenever", async () => {
  const seed = Date.now() % 10 ** 8
  console.log(`200 kills, from case ${seed} on`)
  const { batches, broken, kills, replaced } = await simulate(200, seed)
  expect(broken).toBe(undefined)
  expect(kills).toBeGreaterThanOrEqual(200)
  expect(batches).toBeGreaterThan(0)
  expect(replaced).toBeGreaterThan(0)
}, 180_000)

test("streams that a draining runner carries are not past what it had when it dies", async () => {
  // Found by chance; its timing differs each time.
  for (let time = 0; time < 12; time++) await play(12296318)
}, 60_000)
