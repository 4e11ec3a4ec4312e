/** What a warning says becomes of a batch whose runner was lost is what becomes of it. */
import { expect, test } from "bun:test"
import { Deaths } from "../../src/cluster/Deaths.ts"
import type { Seat } from "../../src/cluster/Seat.ts"
import type { PendingBatch } from "../../src/scheduler/backends/remote/PendingBatch.ts"

// Of a batch and a seat nothing else is looked at.
const batch = () => ({ replaced: 0, request: { epoch: 0, batch: 82 } }) as unknown as PendingBatch
const seat = () => ({ member: { process: "a" }, doubt: undefined }) as unknown as Seat

const deathsOf = (restarts: number) => {
  const lost: Array<PendingBatch> = []
  return { lost, deaths: new Deaths({ restarts, lose: (own) => lost.push(own), acquitted: () => undefined }) }
}

test("a batch is built again elsewhere only where `restarts` allows it", () => {
  const { deaths, lost } = deathsOf(1)
  const own = batch()
  expect(deaths.fateOf(undefined)).toBe("it was at no batch")
  deaths.charge(own, "it died", undefined)
  expect(deaths.fateOf(own)).toBe("batch 82 of epoch 0 is built again elsewhere")
  expect(lost).toEqual([])
  deaths.charge(own, "it died", undefined)
  expect(deaths.fateOf(own)).toBe("batch 82 of epoch 0 fails, as `restarts` is 1")
  expect(lost).toEqual([own])
})

test.each(["a", "b"])("a connection that breaks is a death too many if process %s answers and it was a", (process) => {
  const { deaths, lost } = deathsOf(0)
  const [own, at] = [batch(), seat()]
  deaths.doubt(at, [own], "it closed the connection")
  expect(deaths.fateOf(own)).toBe("batch 82 of epoch 0 fails, as `restarts` is 0, unless the runner answers again")
  expect(lost).toEqual([])
  deaths.asked(at, process)
  expect(lost).toEqual(process === "a" ? [] : [own])
})
