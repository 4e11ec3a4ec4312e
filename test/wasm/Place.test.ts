import { describe, expect, test } from "bun:test"
import { Arena } from "../../src/wasm/Arena.ts"
import { Place } from "../../src/wasm/Place.ts"

const take = (arena: Arena, length: number): Place => {
  const place = Place.take(arena, length)
  if (place === undefined) throw new Error("the arena has no room")
  return place
}

describe("a place", () => {
  test("has its bytes, also when the arena has grown", () => {
    const arena = new Arena()
    const place = take(arena, 3)
    place.bytes.set([1, 2, 3])
    take(arena, arena.size)
    expect(place.length).toBe(3)
    expect([...place.bytes]).toEqual([1, 2, 3])
    expect(arena.addressOf(place.bytes)).toBe(place.address)
  })

  test("is given back once, however often that is said", () => {
    const arena = new Arena()
    const place = take(arena, 100)
    place.give()
    place.give()
    const next = take(arena, 100)
    expect(next.address).toBe(place.address)
    expect(take(arena, 100).address).not.toBe(next.address)
  })

  test("is none where there is no room", () => {
    expect(Place.take(new Arena(), 2 ** 40)).toBeUndefined()
  })
})
