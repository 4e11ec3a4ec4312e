import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { shuffleWindow } from "../../src/sampling/ShuffleWindow.ts"
import { at } from "../support/rng.ts"

const epoch = (window: number, size: number, seed = 42): Array<number> => {
  const order = shuffleWindow(window).order(size, at(seed))
  return Array.from({ length: size }, (_, position) => order(position))
}

describe("shuffleWindow", () => {
  test("permutes each window within itself", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(100), fc.nat(), (window, size, seed) => {
        const order = epoch(window, size, seed)
        for (let first = 0; first < size; first += window) {
          const end = Math.min(size, first + window)
          const own = order.slice(first, end).toSorted((a, b) => a - b)
          expect(own).toEqual(Array.from({ length: end - first }, (_, place) => first + place))
        }
      })
    )
  })

  test("gives each window an order of its own, and another one each epoch", () => {
    const places = (order: ReadonlyArray<number>, window: number) =>
      order.slice(32 * window, 32 * (window + 1)).map((index) => index % 32)
    const [one, other] = [epoch(32, 64, 1), epoch(32, 64, 2)]
    expect(places(one, 0)).not.toEqual(places(one, 1))
    expect(places(one, 0)).not.toEqual(places(other, 0))
  })

  test("a window depends on its number and its samples, whatever comes before or behind it", () => {
    const order = shuffleWindow(8).order(1000, at(3))
    const { inWindow } = order
    const at17 = Array.from({ length: 8 }, (_, place) => inWindow?.(17, 8)(place))
    expect(at17).toEqual(
      epoch(8, 1000, 3)
        .slice(17 * 8, 18 * 8)
        .map((index) => index - 17 * 8)
    )
    expect(epoch(8, 20, 5).slice(0, 16)).toEqual(epoch(8, 100, 5).slice(0, 16))
  })

  test("pinned", () => {
    expect(epoch(4, 10)).toEqual([2, 3, 1, 0, 7, 5, 4, 6, 9, 8])
  })
})
