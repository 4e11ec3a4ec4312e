import { expect, test } from "bun:test"
import fc from "fast-check"
import { segmentIn } from "../../src/core/Segments.ts"

/** By looking at all of them. */
const found = (starts: Float64Array, position: number): number => {
  let own = 0
  for (let segment = 1; segment < starts.length - 1; segment++) {
    if ((starts[segment] as number) <= position) own = segment
  }
  return own
}

const sizes = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 }),
  fc.array(fc.constantFrom(0, 1, 3, 1000, 2 ** 31, 2 ** 45), { maxLength: 40 })
)

test("finds the segment of each position, whatever sizes they have, and the first and last ones beyond", () => {
  fc.assert(
    fc.property(sizes, fc.array(fc.double({ min: -0.1, max: 1.1, noNaN: true }), { maxLength: 20 }), (own, shares) => {
      const starts = Float64Array.of(0, ...own)
      for (let segment = 1; segment < starts.length; segment++) {
        starts[segment] = (starts[segment] as number) + (starts[segment - 1] as number)
      }
      const size = starts.at(-1) ?? 0
      const segmentOf = segmentIn(starts)
      const edges = Array.from(starts).flatMap((start) => [start - 1, start, start + 1])
      const others = shares.map((share) => Math.floor(share * size))
      for (const position of [...edges, ...others, 2 * size, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(segmentOf(position)).toBe(found(starts, position))
      }
    }),
    { numRuns: 100 }
  )
})

test("finds the segment where there are more than the table has parts", () => {
  const starts = Float64Array.from({ length: 20_001 }, (_, segment) => segment * segment)
  const segmentOf = segmentIn(starts)
  for (let segment = 0; segment < 20_000; segment += 7) {
    expect(segmentOf(segment * segment)).toBe(segment)
    expect(segmentOf((segment + 1) ** 2 - 1)).toBe(segment)
  }
})
