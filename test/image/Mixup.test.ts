import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { Tensor } from "../../src/core/Tensor.ts"
import * as Image from "../../src/image/Mixup.ts"
import type { Batch } from "../../src/pipeline/Batch.ts"
import * as Rng from "../../src/random/Rng.ts"

const rng = (word = 1): Rng.Rng => Rng.make({ algorithm: "xoshiro128**", words: [word, 2, 3, 4] })

const batch = (images: ReadonlyArray<ReadonlyArray<number>>, labels: ReadonlyArray<number>, side: number) => ({
  epoch: 0,
  index: 0,
  rank: 0,
  worker: 0,
  size: labels.length,
  indices: Float64Array.from(labels, (_, row) => row),
  columns: {
    image: new Tensor(Float32Array.from(images.flat()), [labels.length, side, side, 1]),
    label: new Tensor(Uint8Array.from(labels), [labels.length]),
    id: ["a", "b", "c"].slice(0, labels.length)
  }
})

/** A generator whose beta is given, and whose integers come from a list. */
class Fixed extends Rng.Rng {
  readonly seed = { algorithm: "fixed", words: [] }
  readonly #share: number
  readonly #integers: Array<number>
  constructor(share: number, ...integers: Array<number>) {
    super()
    this.#share = share
    this.#integers = integers
  }
  word(): number {
    return 0
  }
  override beta(): number {
    return this.#share
  }
  override integer(): number {
    return this.#integers.shift() ?? 0
  }
}

describe("mixup", () => {
  test("mixes each row with the one before, and its label likewise: worked out by hand", () => {
    const before = batch([[8], [0], [4]], [0, 1, 2], 1)
    const after = Image.mixup({ alpha: 1, classes: 3 })(before, new Fixed(0.75))
    expect(Array.from(after.columns.image.data)).toEqual([7, 2, 3])
    expect(Array.from(after.columns.label.data)).toEqual([0.75, 0, 0.25, 0.25, 0.75, 0, 0, 0.25, 0.75])
    expect(after.columns.label.shape).toEqual([3, 3])
    expect(after.columns.id).toEqual(["a", "b", "c"])
  })

  test("leaves its input as it is", () => {
    const before = batch([[8], [0]], [0, 1], 1)
    Image.mixup({ classes: 2 })(before, rng())
    expect(Array.from(before.columns.image.data)).toEqual([8, 0])
    expect(Array.from(before.columns.label.data)).toEqual([0, 1])
  })

  test("draws what it drew when it was written", () => {
    const after = Image.mixup({ alpha: 0.2, classes: 2 })(batch([[1], [0]], [0, 1], 1), rng())
    expect(after.columns.image.data[0]).toBe(0.9486273527145386)
  })
})

describe("cutmix", () => {
  test("cuts one rectangle out of the row before, and shares the label by area: worked out by hand", () => {
    const ones = new Array<number>(16).fill(1)
    const twos = new Array<number>(16).fill(2)
    // 1 - 0.75 = 0.25 of the area: half the side, 1 to each side of column 2, row 1: columns 1 and 2, rows 0 and 1.
    const after = Image.cutMix({ classes: 2 })(batch([ones, twos], [0, 1], 4), new Fixed(0.75, 2, 1))
    const own = [1, 2, 2, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    expect(Array.from(after.columns.image.data.subarray(0, 16))).toEqual(own)
    expect(Array.from(after.columns.image.data.subarray(16))).toEqual(own.map((value) => 3 - value))
    expect(Array.from(after.columns.label.data)).toEqual([0.75, 0.25, 0.25, 0.75])
  })

  test("a rectangle cut by the edge counts as what is left of it", () => {
    const after = Image.cutMix({ classes: 2 })(
      batch(
        [
          [1, 1, 1, 1],
          [2, 2, 2, 2]
        ],
        [0, 1],
        2
      ),
      new Fixed(0, 0, 0)
    )
    expect(Array.from(after.columns.image.data)).toEqual([2, 1, 1, 1, 1, 2, 2, 2])
    expect(Array.from(after.columns.label.data)).toEqual([0.75, 0.25, 0.25, 0.75])
  })

  test("draws what it drew when it was written", () => {
    const images = [new Array<number>(64).fill(1), new Array<number>(64).fill(0)]
    const after = Image.cutMix({ alpha: 1, classes: 2 })(batch(images, [0, 1], 8), rng())
    expect(after.columns.label.data[0]).toBe(0.9375)
  })
})

test("labels stay shares: at least 0, summing to 1, also when mixed twice; the pixels' sum is kept by mixup", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      (labels, seed) => {
        const images = labels.map((label) => new Array<number>(9).fill(label))
        const own = rng(seed)
        const once = Image.mixup({ alpha: 0.4, classes: 5 })(batch(images, labels, 3), own)
        const twice = Image.cutMix({ classes: 5 })(once, own)
        const sum = once.columns.image.data.reduce((total, value) => total + value, 0)
        expect(Math.abs(sum - 9 * labels.reduce((total, label) => total + label, 0))).toBeLessThan(1e-3)
        for (const { columns } of [once, twice]) {
          for (let row = 0; row < labels.length; row++) {
            const shares = columns.label.data.subarray(5 * row, 5 * row + 5)
            expect(shares.every((share) => share >= 0)).toBe(true)
            expect(Math.abs(shares.reduce((total, share) => total + share, 0) - 1)).toBeLessThan(1e-6)
          }
        }
      }
    )
  )
})

describe("bad input", () => {
  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("alpha %s is refused", (alpha) => {
    expect(() => Image.mixup({ alpha, classes: 2 })).toThrow(InvalidOption)
    expect(() => Image.cutMix({ alpha, classes: 2 })).toThrow(String(alpha))
  })

  test("classes that are none, and labels beyond them, are refused by value", () => {
    expect(() => Image.mixup({ classes: 0 })).toThrow("classes must be a whole number of at least 1, got 0")
    expect(() => Image.mixup({ classes: 2 })(batch([[1], [1]], [0, 7], 1), rng())).toThrow("got 7")
    const { columns, ...rest } = batch([[1], [1]], [0, 0], 1)
    const negative = { ...rest, columns: { ...columns, label: new Tensor(Int32Array.of(1, -1), [2]) } }
    expect(() => Image.mixup({ classes: 2 })(negative, rng())).toThrow("got -1")
  })

  test("images that are not float32 are refused with the way out", () => {
    const { columns, ...rest } = batch([[1]], [0], 1)
    const bytes = { ...rest, columns: { ...columns, image: new Tensor(Uint8Array.of(1), [1, 1, 1, 1]) } }
    // What the types refuse, as plain JavaScript would pass it.
    const untyped = bytes as unknown as Batch<typeof columns>
    expect(() => Image.mixup({ classes: 2 })(untyped, rng())).toThrow("normalize before batch")
  })
})
