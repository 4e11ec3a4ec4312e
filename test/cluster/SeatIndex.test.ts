/** The index of seats against a look at all of them. */
import { expect, test } from "bun:test"
import { SeatIndex } from "../../src/cluster/SeatIndex.ts"
import { at } from "../support/rng.ts"

class Place {
  hasRoom = false
  load = 0
  place: number | undefined
  readonly itself: ReadonlyArray<Place> = [this]
}

test("gives the seat with the least to do of those that have room, and the seats of a request, whatever changes", () => {
  const rng = at(20261127)
  for (let round = 0; round < 50; round++) {
    const index = new SeatIndex<Place>()
    const seats = Array.from({ length: 1 + rng.integer(40) }, () => new Place())
    const sent = new Map<number, Set<Place>>()
    for (let step = 0; step < 200; step++) {
      const seat = seats[rng.integer(seats.length)] ?? expect.unreachable("there is one")
      seat.hasRoom = rng.integer(3) > 0
      seat.load = rng.integer(9) / 4
      index.changed(seat)
      const open = seats.filter(({ hasRoom }) => hasRoom)
      expect(index.least?.load).toBe(open.length === 0 ? undefined : Math.min(...open.map(({ load }) => load)))
      expect(index.least?.hasRoom ?? true).toBe(true)
      const id = rng.integer(10)
      const own = sent.get(id) ?? new Set()
      sent.set(id, own)
      if (own.has(seat)) {
        index.unsent(id, seat)
        own.delete(seat)
      } else {
        index.sent(id, seat)
        own.add(seat)
      }
      expect(new Set(index.at(id))).toEqual(own)
    }
  }
})
