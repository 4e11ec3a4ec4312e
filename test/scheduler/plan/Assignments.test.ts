import { expect, test } from "bun:test"
import fc from "fast-check"
import { WorkerAssignments } from "../../../src/scheduler/plan/Assignments.ts"
import { Sequence } from "../../../src/scheduler/plan/Sequence.ts"

test("a worker builds every batch of its own from one on, except those taken ahead", () => {
  const bounds = fc.record({
    workers: fc.integer({ min: 1, max: 5 }),
    batches: fc.integer({ min: 1, max: 9 }),
    epochs: fc.integer({ min: 0, max: 4 }),
    first: fc.integer({ min: 0, max: 40 }),
    skip: fc.integer({ min: 0, max: 40 }),
    after: fc.integer({ min: 0, max: 10 }),
    ahead: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 6 })
  })
  fc.assert(
    fc.property(bounds, ({ after, ahead, batches, epochs, first, skip, workers }) => {
      const end = batches * epochs
      const sequence = new Sequence({ batches })
      for (let worker = 0; worker < Math.min(workers, batches); worker++) {
        const assignments = new WorkerAssignments({ worker, workers, sequence, first, end, ahead: new Set(ahead) })
        const found: Array<number> = []
        const take = (count: number) => {
          while (assignments.next !== undefined && found.length < count) {
            const { batch, epoch, sequence: own } = assignments.next
            expect(own).toBe(epoch * batches + batch)
            found.push(own)
            assignments.pass()
          }
        }
        take(after)
        assignments.skipTo(skip)
        take(Infinity)
        const all = Array.from({ length: end }, (_, own) => own).filter(
          (own) => (own % batches) % workers === worker && own >= first && !ahead.includes(own)
        )
        expect(found).toEqual([...all.slice(0, after), ...all.slice(after).filter((own) => own >= skip)])
      }
    })
  )
})

test("of epochs whose end is not known, a worker goes on until it is told", () => {
  const sequence = new Sequence({ batches: undefined })
  const end = sequence.start(2)
  const assignments = new WorkerAssignments({ worker: 1, workers: 3, sequence, first: 0, end, ahead: new Set() })
  const take = (count: number) =>
    Array.from({ length: count }, () => {
      const { next } = assignments
      assignments.pass()
      return next === undefined ? undefined : `${next.epoch}.${next.batch}`
    })
  expect(take(3)).toEqual(["0.1", "0.4", "0.7"])
  assignments.skipTo(sequence.of(1, 0))
  expect(take(2)).toEqual(["1.1", "1.4"])
  assignments.skipTo(sequence.of(2, 0))
  expect(take(2)).toEqual([undefined, undefined])
})
