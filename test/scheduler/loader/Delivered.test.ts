/**
 * The ledger of a run where epochs end at numbers that are found on the way.
 */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { Delivered } from "../../../src/scheduler/loader/Delivered.ts"
import { DigestChain } from "../../../src/scheduler/loader/DigestChain.ts"

/** How many sequence numbers an epoch has room for. */
const ROOM = 100

const hashOf = (sequence: number): Uint8Array => new Uint8Array(32).fill(sequence % 251)

interface Event {
  readonly epoch: number
  readonly batch: number
}

/** The batches of all epochs, and behind each epoch's end what workers find that ask for more. */
const runs = fc
  .record({
    lengths: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 4 }),
    beyond: fc.integer({ min: 1, max: 3 })
  })
  .chain(({ beyond, lengths }) => {
    const events = lengths.flatMap((length, epoch) =>
      Array.from({ length: length + beyond }, (_, batch): Event => ({ epoch, batch }))
    )
    return fc.record({
      lengths: fc.constant(lengths),
      events: fc.shuffledSubarray(events, { minLength: events.length })
    })
  })

test("in whatever order batches and ends come, it stands at the first one that is missing, and has one value", () => {
  fc.assert(
    fc.property(runs, ({ events, lengths }) => {
      const plain = new DigestChain()
      for (const [epoch, length] of lengths.entries()) {
        for (let batch = 0; batch < length; batch++) plain.add(hashOf(epoch * ROOM + batch))
      }
      const chain = new DigestChain()
      const delivered = new Delivered(chain)
      const added = new Set<number>()
      const found = new Set<number>()
      for (const { batch, epoch } of events) {
        const sequence = epoch * ROOM + batch
        if (batch < (lengths[epoch] ?? 0)) {
          delivered.add(sequence, hashOf(sequence))
          added.add(sequence)
        } else {
          delivered.endAt(sequence, (epoch + 1) * ROOM)
          found.add(sequence)
        }
        // By the definition: over what was added, and over ends that are known.
        let next = 0
        while (added.has(next) || found.has(next))
          next = added.has(next) ? next + 1 : (Math.floor(next / ROOM) + 1) * ROOM
        expect(delivered.next).toBe(next)
      }
      expect(delivered.next).toBe(lengths.length * ROOM)
      expect(delivered.missing(lengths.length * ROOM)).toBe(0)
      expect(delivered.early).toEqual([])
      expect(chain.value).toBe(plain.value)
    })
  )
})

test("an end that is known leaves missing what lies before it, and nothing behind", () => {
  const delivered = new Delivered(new DigestChain())
  expect(delivered.missing(ROOM)).toBe(ROOM)
  delivered.endAt(7, ROOM)
  expect(delivered.missing(ROOM)).toBe(7)
  delivered.endAt(5, ROOM)
  delivered.endAt(6, ROOM)
  expect(delivered.missing(ROOM)).toBe(5)
  delivered.add(2, undefined)
  expect(delivered.missing(ROOM)).toBe(4)
  expect(delivered.missing(3)).toBe(2)
  expect(delivered.missingBehind(4)).toBe(ROOM)
  delivered.skipTo(4)
  delivered.add(4, undefined)
  expect(delivered.next).toBe(ROOM)
})
