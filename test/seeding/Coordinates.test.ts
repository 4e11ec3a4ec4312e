import { describe, expect, test } from "bun:test"
import { type Coordinates, CoordinatesError, format, stageId } from "../../src/seeding/Coordinates.ts"

const at: Coordinates = {
  scope: "sample",
  stage: stageId("crop"),
  epoch: 2,
  rank: 1,
  world: 4,
  worker: 3,
  workers: 8,
  batch: 11,
  ordinal: 96,
  position: 1408,
  index: 50_123,
  distinct: true
}

describe("a stage's id", () => {
  test("hangs on its name alone", () => {
    // The first four bytes of SHA-256("abc"), ba7816bf, little-endian.
    expect(stageId("abc")).toEqual({ name: "abc", id: 0xbf1678ba })
    expect(["sample", "crop", "flip"].map((name) => stageId(name).id)).toEqual([3789237167, 3178649143, 2542289998])
  })
})

describe("a place as one line", () => {
  test("of a sample, a batch and an epoch", () => {
    expect(format(at)).toBe(
      'epoch 2, stage "crop", rank 1 of 4, worker 3 of 8, batch 11, sample 50123 (position 1408, ordinal 96)'
    )
    expect(format({ ...at, scope: "batch" })).toBe('epoch 2, stage "crop", rank 1 of 4, worker 3 of 8, batch 11')
    expect(format({ ...at, scope: "epoch" })).toBe('epoch 2, stage "crop"')
  })

  test("of a row of a mix, a child, a packed row, and the order of a pass", () => {
    const made = 'epoch 2, stage "crop", rank 1 of 4, worker 3 of 8, batch 11'
    const mix = { component: 5, pass: 1 }
    expect(format({ ...at, ...mix })).toBe(`${made}, component 5, pass 1, sample 50123 (position 1408, ordinal 96)`)
    expect(format({ ...at, child: 4 })).toBe(`${made}, sample 50123, child 4 (position 1408, ordinal 96)`)
    expect(format({ ...at, window: 9, child: 4 })).toBe(`${made}, window 9, child 4 (position 1408, ordinal 96)`)
    expect(format({ ...at, ...mix, scope: "epoch" })).toBe('epoch 2, stage "crop", component 5, pass 1')
  })

  test("stands in the error for a place without a seed, with the policy, its seed and the reason", () => {
    const error = new CoordinatesError({ policy: "elastic", seed: "42", coordinates: at, reason: "it is Sunday" })
    expect(error._tag).toBe("CoordinatesError")
    expect(error.message).toBe(`policy elastic (seed 42) has no seed at ${format(at)}: it is Sunday`)
  })
})
