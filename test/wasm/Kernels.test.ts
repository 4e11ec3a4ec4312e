import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { make } from "../../src/core/Tensor.ts"
import * as Image from "../../src/image/Image.ts"
import { scales, table } from "../../src/image/kernels/pointwise.ts"
import { bilinear } from "../../src/image/kernels/resize.ts"
import { cutTable, cutTable1, type View } from "../../src/image/kernels/window.ts"
import type { PointwiseTransform } from "../../src/image/Transform.ts"
import { block, blocks } from "../../src/random/generators/Philox.ts"
import { binary } from "../../src/wasm/binary.ts"
import { compile } from "../../src/wasm/compile.ts"
import { arena, type Kernels, kernels, use } from "../../src/wasm/Kernels.ts"
import { Place } from "../../src/wasm/Place.ts"
import { resident as residentTensor } from "../../src/wasm/Resident.ts"
import { latin1 } from "../../src/wasm/Text.ts"
import { fuse } from "../support/fuse.ts"
import { at } from "../support/rng.ts"

const own = ((): Kernels => {
  const found = kernels()
  if (found === undefined) throw new Error("this runtime has no kernels: is FURROW_KERNELS off?")
  return found
})()

/** Milliseconds for what compiles, or goes through many images. */
const TIME = 60_000

/** What is written before and behind a result, to see that it stays. */
const GUARD = 64
const MARK = 0xa5

/** Calls `run` with the address of `length` bytes, and gives what it wrote there; throws when it wrote beyond. */
const written = (length: number, run: (target: number) => void): Uint8Array => {
  const place = taken(length + 2 * GUARD)
  const all = place.bytes.fill(MARK)
  run(place.address + GUARD)
  const result = Uint8Array.from(all.subarray(GUARD, GUARD + length))
  const around = [...all.subarray(0, GUARD), ...all.subarray(GUARD + length)]
  place.give()
  expect(around.every((byte) => byte === MARK)).toBe(true)
  return result
}

const taken = (length: number): Place => {
  const place = Place.take(own.arena, length)
  if (place === undefined) throw new Error("the arena is full")
  return place
}

/** Bytes in the arena while `run` runs. */
const within = <A>(bytes: Uint8Array, run: (address: number) => A): A => {
  const place = taken(bytes.length)
  place.bytes.set(bytes)
  const result = run(place.address)
  place.give()
  return result
}

const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, 0, bytes.length / 4)

/** The bits of floats, which tell -0 from 0. */
const bits = ({ buffer, byteOffset, length }: Float32Array): Uint32Array => new Uint32Array(buffer, byteOffset, length)

const randomBytes = (seed: number, length: number): Uint8Array => at(seed).fill(new Uint8Array(length))

interface Sized {
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly pixels: Uint8Array
}

const sized = (most: number): fc.Arbitrary<Sized> =>
  fc
    .record({
      height: fc.integer({ min: 1, max: most }),
      width: fc.integer({ min: 1, max: most }),
      channels: fc.constantFrom(1, 1, 2, 3, 3, 4, 5),
      seed: fc.nat()
    })
    .map(({ channels, height, seed, width }) => ({
      height,
      width,
      channels,
      pixels: randomBytes(seed, height * width * channels)
    }))

/** Such as have a scale and a bias, as all but a few do. */
const numbers: fc.Arbitrary<PointwiseTransform> = fc
  .record({
    mean: fc.double({ min: 0, max: 1, noNaN: true }),
    deviation: fc.double({ min: 0.01, max: 2, noNaN: true })
  })
  .map(
    ({ deviation, mean }): PointwiseTransform => ({
      kind: "pointwise",
      name: "normalize",
      draws: false,
      options: {},
      parameters: new Float64Array(0),
      draw: () => undefined,
      mean: [mean],
      deviation: [deviation],
      check: () => undefined
    })
  )
  .filter((transform) => scales(transform, 1) !== undefined)

/** Any window of an image, from far above and left of it to far below and right, its valid part any part of it. */
const view = ({ height, width }: Sized): fc.Arbitrary<View> => {
  const part = (length: number) =>
    fc
      .tuple(fc.nat(length), fc.nat(length))
      .map(([a, b]): readonly [number, number] => [Math.min(a, b), Math.max(a, b)])
  return fc
    .record({
      height: fc.integer({ min: 1, max: 37 }),
      width: fc.integer({ min: 1, max: 37 }),
      y: fc.integer({ min: -12, max: height + 12 }),
      x: fc.integer({ min: -12, max: width + 12 }),
      yStep: fc.constantFrom(1, -1),
      xStep: fc.constantFrom(1, -1),
      rows: part(height),
      columns: part(width)
    })
    .map(({ columns: [left, right], rows: [top, bottom], ...rest }) => ({ ...rest, top, bottom, left, right }))
}

/** Scale and bias of each channel, then what fill becomes, then fill, as kernels read them. */
const constants = (transform: PointwiseTransform, channels: number, fill: number): Uint8Array => {
  const pairs = scales(transform, channels)
  if (pairs === undefined) throw new Error("these numbers have no scale and bias")
  const all = new Uint8Array(24 * channels)
  new Float64Array(all.buffer, 0, 2 * channels).set(pairs)
  const values = table(transform, channels)
  new Float32Array(all.buffer, 16 * channels, channels).set(
    Array.from({ length: channels }, (_, channel) => values[256 * channel + fill] ?? NaN)
  )
  new Uint32Array(all.buffer, 20 * channels).fill(fill)
  return all
}

const windowed = fc
  .record({ image: sized(40), transform: numbers, fill: fc.nat(255) })
  .chain((all) => view(all.image).map((own) => ({ ...all, view: own })))

describe("kernels give the bits of their twins", () => {
  test("cutScaled, for every window of every image", () => {
    fc.assert(
      fc.property(windowed, ({ fill, image, transform, view }) => {
        const { channels, pixels, width } = image
        const length = view.height * view.width * channels
        const result = within(pixels, (source) =>
          within(constants(transform, channels, fill), (numbers) =>
            written(4 * length, (target) =>
              own.cutScaled(
                source,
                width,
                channels,
                view.y,
                view.yStep,
                view.x,
                view.xStep,
                view.top,
                view.bottom,
                view.left,
                view.right,
                view.height,
                view.width,
                numbers,
                0,
                0,
                target,
                0,
                0
              )
            )
          )
        )
        const twin = new Float32Array(length)
        const values = table(transform, channels)
        if (channels === 1) cutTable1(pixels, width, view, fill, values, twin, 0)
        else cutTable(pixels, width, channels, view, [fill], values, twin, 0)
        expect(bits(floatsOf(result))).toEqual(bits(twin))
      }),
      { numRuns: 500 }
    )
  })

  test("cutScaledRows, for several images and windows", () => {
    const several = fc
      .record({ image: sized(20), transform: numbers, fill: fc.nat(255), seed: fc.nat() })
      .chain((all) => fc.array(view(all.image), { minLength: 1, maxLength: 40 }).map((views) => ({ ...all, views })))
    fc.assert(
      fc.property(several, ({ fill, image, seed, transform, views }) => {
        const { channels, height, width } = image
        const size = height * width * channels
        const pixels = randomBytes(seed, size * views.length)
        // One size for all, as a batch has.
        const [{ height: toHeight, width: toWidth }] = views as [View] // one at least
        const length = toHeight * toWidth * channels
        const result = within(pixels, (source) =>
          within(constants(transform, channels, fill), (numbers) => {
            const rows = new Int32Array(12 * views.length)
            views.forEach((view, row) => {
              const { bottom, left, right, top, x, xStep, y, yStep } = view
              rows.set([source + row * size, y, yStep, x, xStep, top, bottom, left, right], 12 * row)
            })
            return within(new Uint8Array(rows.buffer), (from) =>
              written(4 * length * views.length, (target) =>
                own.cutScaledRows(from, views.length, width, size, channels, toHeight, toWidth, numbers, 0, 0, target)
              )
            )
          })
        )
        const twin = new Float32Array(length * views.length)
        const values = table(transform, channels)
        views.forEach((view, row) => {
          const one = pixels.subarray(row * size, (row + 1) * size)
          const same = { ...view, height: toHeight, width: toWidth }
          cutTable(one, width, channels, same, [fill], values, twin, row * length)
        })
        expect(bits(floatsOf(result))).toEqual(bits(twin))
      }),
      { numRuns: 200 }
    )
  })

  const resized = fc
    .record({
      image: sized(40),
      transform: numbers,
      height: fc.integer({ min: 1, max: 40 }),
      width: fc.integer({ min: 1, max: 40 }),
      flipVertical: fc.boolean(),
      flipHorizontal: fc.boolean(),
      shares: fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99))
    })
    .map(({ shares: [a, b, c, d], ...rest }) => {
      const top = Math.floor((a * rest.image.height) / 100)
      const left = Math.floor((b * rest.image.width) / 100)
      const height = 1 + Math.floor((c * (rest.image.height - top)) / 100)
      const width = 1 + Math.floor((d * (rest.image.width - left)) / 100)
      return { ...rest, from: { top, left, height, width } }
    })

  test("bilinear, for every rectangle and size", () => {
    fc.assert(
      fc.property(resized, ({ from, height, image, width }) => {
        const { channels, pixels } = image
        const length = height * width * channels
        const result = within(pixels, (source) =>
          within(new Uint8Array(16 * (width + 1) * (1 + channels)), (scratch) =>
            written(length, (target) =>
              own.bilinear(
                source,
                image.width,
                from.top,
                from.left,
                from.height,
                from.width,
                channels,
                height,
                width,
                scratch,
                target
              )
            )
          )
        )
        const twin = new Uint8Array(length)
        bilinear(pixels, image.width, from, twin, 0, { height, width, channels })
        expect(result).toEqual(twin)
      }),
      { numRuns: 500 }
    )
  })

  test("bilinearScaled, which flips and scales behind it", () => {
    fc.assert(
      fc.property(resized, ({ flipHorizontal, flipVertical, from, height, image, transform, width }) => {
        const { channels, pixels } = image
        const length = height * width * channels
        const result = within(pixels, (source) =>
          within(constants(transform, channels, 0), (numbers) =>
            within(new Uint8Array(16 * (width + 1) * (1 + channels)), (scratch) =>
              written(4 * length, (target) =>
                own.bilinearScaled(
                  source,
                  image.width,
                  from.top,
                  from.left,
                  from.height,
                  from.width,
                  channels,
                  height,
                  width,
                  Number(flipVertical),
                  Number(flipHorizontal),
                  numbers,
                  0,
                  scratch,
                  target
                )
              )
            )
          )
        )
        const between = new Uint8Array(length)
        bilinear(pixels, image.width, from, between, 0, { height, width, channels })
        const whole: View = {
          y: flipVertical ? height - 1 : 0,
          yStep: flipVertical ? -1 : 1,
          x: flipHorizontal ? width - 1 : 0,
          xStep: flipHorizontal ? -1 : 1,
          top: 0,
          bottom: height,
          left: 0,
          right: width,
          height,
          width
        }
        const twin = new Float32Array(length)
        cutTable(between, width, channels, whole, [0], table(transform, channels), twin, 0)
        expect(bits(floatsOf(result))).toEqual(bits(twin))
      }),
      { numRuns: 500 }
    )
  })

  test("heads, in place and elsewhere", () => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
    const pairs = fc.array(fc.array(word, { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(pairs, word, word, fc.boolean(), (counters, k0, k1, inPlace) => {
        const words = Uint32Array.from(counters.flat())
        const result = within(new Uint8Array(words.buffer), (source) =>
          inPlace
            ? within(new Uint8Array(words.buffer), (both) => {
                own.heads(both, words.length / 4, k0, k1, both)
                return own.arena.bytes.slice(both, both + words.byteLength)
              })
            : written(words.byteLength, (target) => own.heads(source, words.length / 4, k0, k1, target))
        )
        const twin = new Uint32Array(words.length)
        for (let at = 0; at < words.length; at += 4) {
          const [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = words.subarray(at, at + 4)
          block(c0, c1, c2, c3, k0, k1, twin, at)
        }
        expect([...result]).toEqual([...new Uint8Array(twin.buffer)])
      })
    )
  })
})

/** A batch by the fused stages, with kernels or without. */
const batch = (
  on: boolean,
  stages: ReadonlyArray<unknown>,
  inputs: ReadonlyArray<Image.Image>
): ReadonlyArray<Image.Image> => {
  use(on)
  try {
    const fused = fuse(stages)
    if (fused === undefined) throw new Error("these stages do not fuse")
    const samples: Array<unknown> = [...inputs]
    fused.run(samples, (stage, row) => at(1000 * row + stage))
    return samples as Array<Image.Image> // each is put into its place by `run`
  } finally {
    use(true)
  }
}

describe("without kernels", () => {
  test("none are given, and all are back when they are wanted again", () => {
    use(false)
    expect(kernels()).toBeUndefined()
    use(true)
    expect(kernels()).toBe(own)
    expect(own.arena).toBe(arena() as typeof own.arena) // there is one, as there are kernels
  })

  test(
    "batches are the same to the bit",
    () => {
      const normalize = Image.normalize({ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] })
      const functions: ReadonlyArray<ReadonlyArray<unknown>> = [
        [
          Image.randomCrop({ size: 9, padding: 4, padIfNeeded: true, fill: 7 }),
          Image.randomHorizontalFlip(),
          Image.normalize({ mean: 0.1307, std: 0.3081 })
        ],
        [Image.randomCrop({ size: [20, 30], padding: 9, padIfNeeded: true }), normalize, Image.channelsFirst],
        [Image.randomResizedCrop({ size: [11, 8] }), Image.randomVerticalFlip(), normalize],
        [Image.randomResizedCrop({ size: [21, 18] }), Image.randomHorizontalFlip(), normalize, Image.channelsFirst],
        [Image.resize({ size: [5, 13] }), Image.randomHorizontalFlip(), Image.toFloat],
        [Image.resize({ size: [13, 5] })],
        [Image.resize({ size: [13, 5], interpolation: "nearest" }), Image.toFloat],
        [Image.resize({ size: [7, 25], interpolation: "area" }), Image.channelsFirst],
        ...(["nearest", "bilinear"] as const).flatMap((interpolation) => {
          const affine = Image.randomAffine({
            degrees: 180,
            translate: [0.4, 0.4],
            scale: [0.3, 2],
            shear: 40,
            interpolation,
            fill: [9, 130, 255]
          })
          return [
            [affine],
            [affine, Image.randomVerticalFlip(), Image.randomHorizontalFlip(), normalize],
            [affine, Image.randomHorizontalFlip(), normalize, Image.channelsFirst],
            [affine, Image.randomCrop({ size: 6 }), normalize]
          ]
        }),
        [Image.colorJitter({ brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: 0.5 }), normalize],
        [Image.colorJitter({ contrast: 1 })],
        [Image.randomErasing({ p: 0.9, value: [1, 2, 3] }), normalize],
        [Image.randomErasing({ p: 0.9, value: "random" }), Image.channelsFirst],
        // Numbers for which no scale and bias give the table's bits: kernels leave them to the table.
        [Image.randomCrop({ size: 6 }), Image.normalize({ mean: 0.9999999976154951, std: 0.01 }), Image.channelsFirst]
      ]
      const sizes = fc.record({ height: fc.integer({ min: 6, max: 40 }), width: fc.integer({ min: 6, max: 40 }) })
      const drawn = fc.tuple(fc.constantFrom(...functions), sizes, fc.nat(), fc.integer({ min: 1, max: 4 }))
      fc.assert(
        fc.property(drawn, ([stages, { height, width }, seed, count]) => {
          const inputs = Array.from({ length: count }, (_, row) =>
            make(randomBytes(seed + row, height * width * 3), [height, width, 3])
          )
          const [on, off] = [batch(true, stages, inputs), batch(false, stages, inputs)]
          expect(on.map(({ data }) => [...data])).toEqual(off.map(({ data }) => [...data]))
          expect(on.map(({ shape }) => shape)).toEqual(off.map(({ shape }) => shape))
        }),
        { numRuns: 400 }
      )
    },
    TIME
  )

  test(
    "batches of columns are the same to the bit",
    () => {
      const normalize = Image.normalize({ mean: 0.3, std: 0.5 })
      const functions: ReadonlyArray<ReadonlyArray<unknown>> = [
        [Image.randomCrop({ size: 20, padding: 4, padIfNeeded: true }), Image.randomHorizontalFlip(), normalize],
        [Image.randomCrop({ size: 9, padIfNeeded: true }), Image.randomVerticalFlip(), normalize, Image.channelsFirst],
        [Image.randomRotation({ degrees: 40 }), normalize, Image.channelsFirst],
        [Image.resize({ size: 9 }), normalize]
      ]
      const shapes = fc.record({
        height: fc.integer({ min: 1, max: 30 }),
        width: fc.integer({ min: 1, max: 30 }),
        channels: fc.constantFrom(1, 2, 3, 4)
      })
      const drawn = fc.tuple(
        fc.constantFrom(...functions),
        shapes,
        fc.nat(),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean()
      )
      fc.assert(
        fc.property(drawn, ([stages, { channels, height, width }, seed, count, resident]) => {
          const size = height * width * channels
          const data = randomBytes(seed, 7 * size)
          const own = resident ? residentTensor("uint8", [7, height, width, channels]).data : data
          own.set(data)
          const images = { _tag: "Tensors", data: own, shape: [height, width, channels], width: size } as const
          const places = Float64Array.from({ length: count }, (_, row) => (seed + 3 * row) % 7)
          const column = (on: boolean) => {
            use(on)
            try {
              const rng = (stage: number, row: number) => at(1000 * row + stage)
              const rngs = { at: rng, of: (stage: number) => (row: number) => rng(stage, row) }
              const made = fuse(stages)
                ?.columns(new Map([["image", images]]), places, rngs)
                .get("image")
              if (made?._tag !== "Tensors") throw new Error("all images have one size")
              return made
            } finally {
              use(true)
            }
          }
          const [on, off] = [column(true), column(false)]
          expect(on?.shape).toEqual(off?.shape as ReadonlyArray<number>)
          expect(Array.from(on?.data ?? [], Number)).toEqual(Array.from(off?.data ?? [0], Number))
        }),
        { numRuns: 300 }
      )
    },
    TIME
  )
})

test("stages and texts call every kernel that there is", () => {
  const called = new Set<string>()
  const names = Object.keys(own).filter((name) => typeof Reflect.get(own, name) === "function")
  const originals = new Map(names.map((name) => [name, Reflect.get(own, name)]))
  for (const [name, original] of originals) {
    Reflect.set(own, name, (...args: ReadonlyArray<number>) => {
      called.add(name)
      return Reflect.apply(original, undefined, args)
    })
  }
  try {
    expect(latin1(own, new TextEncoder().encode("é"))).toBe("é")
    const inputs = [make(randomBytes(1, 300), [10, 10, 3])]
    const jitter = { brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.5 }
    for (const stages of [
      [Image.randomCrop({ size: 6 }), Image.toFloat],
      [Image.resize({ size: 6 })],
      [Image.resize({ size: 6 }), Image.toFloat],
      [Image.resize({ size: 6, interpolation: "nearest" })],
      [Image.resize({ size: 6, interpolation: "area" })],
      [Image.randomRotation({ degrees: 9 })],
      [Image.randomRotation({ degrees: 9, interpolation: "bilinear" }), Image.toFloat],
      [Image.colorJitter(jitter)],
      [Image.randomErasing({ p: 1 })],
      [Image.channelsFirst]
    ]) {
      batch(true, stages, inputs)
    }
    const images = { _tag: "Tensors", data: randomBytes(1, 300), shape: [10, 10, 3], width: 300 } as const
    const rngs = { at: () => at(1), of: () => () => at(1) }
    fuse([Image.centerCrop({ size: 6 }), Image.toFloat])?.columns(
      new Map([["image", images]]),
      Float64Array.of(0),
      rngs
    )
    blocks(new Uint32Array(64), 1, 2)
  } finally {
    for (const [name, original] of originals) Reflect.set(own, name, original)
  }
  expect([...called].toSorted()).toEqual(names.toSorted())
})

describe("binary.ts", () => {
  test(
    "is what its sources are compiled to",
    async () => {
      expect(Buffer.from(await compile()).toString("base64")).toBe(binary)
    },
    TIME
  )
})
