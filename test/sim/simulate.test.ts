/**
 * Some cases of the simulator, others each time; `bun run test:simulate` plays as many as are wanted.
 */
import { expect, test } from "bun:test"
import { play, playSinks } from "./play.ts"

test("what the simulator plays comes out as the oracle has it", () => {
  const seed = Date.now() % 2 ** 31
  const { broken, figures } = play(40, seed)
  expect(broken).toBe(undefined)
  expect(figures.batches).toBeGreaterThan(0)
}, 60_000)

test("what sinks write in the simulator, killed at any step, is what a loop writes", () => {
  const { broken, starts } = playSinks(30, Date.now() % 2 ** 31)
  expect(broken).toBe(undefined)
  expect(starts).toBeGreaterThan(30)
}, 60_000)
