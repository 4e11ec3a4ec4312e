/**
 * Image stages of a user's own: plain ones, and such as have a kernel, built here as docs/performance.md says.
 */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { make } from "../../src/core/Tensor.ts"
import * as Image from "../../src/image/Image.ts"
import { arena, use } from "../../src/wasm/Kernels.ts"
import { Output } from "../../src/wasm/Output.ts"
import { fuse } from "../support/fuse.ts"
import { images } from "../support/images.ts"
import { at } from "../support/rng.ts"

/** Milliseconds for what compiles. */
const TIME = 60_000

const source = `export function posterize(source: usize, length: i32, mask: i32, target: usize): void {
  for (let at = 0; at < length; at++) store<u8>(target + at, load<u8>(source + at) & mask)
}`

const options = [
  ..."-O3 --runtime stub --enable simd,threads --importMemory --sharedMemory".split(" "),
  ..."--initialMemory 1 --maximumMemory 65536 --noExportMemory --outFile posterize.wasm".split(" ")
]

type Posterize = (source: number, length: number, mask: number, target: number) => void

const built = async (): Promise<Posterize> => {
  const { main } = await import("assemblyscript/asc")
  let wasm = new Uint8Array(0)
  const { error, stderr } = await main(["posterize.ts", ...options], {
    readFile: (name) => (name === "posterize.ts" ? source : null),
    writeFile: (name, contents) => {
      if (name.endsWith(".wasm")) wasm = Uint8Array.from(contents as Uint8Array)
    },
    listFiles: () => null
  })
  expect(`${error ?? ""}${stderr}`).toBe("")
  const memory = Image.kernelMemory() as WebAssembly.Memory // there is one wherever these tests run
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { memory } })
  return exports["posterize"] as Posterize // the one export
}

const run = (stages: ReadonlyArray<unknown>, image: Image.Image): Image.Image => {
  const samples: Array<unknown> = [image]
  fuse(stages, new Output(arena(), false))?.run(samples, (stage) => at(stage))
  return samples[0] as Image.Image // `run` has put it there
}

describe("a stage of one's own", () => {
  test("draws as many numbers as it says, and gives what its work gives, also between others", () => {
    const shift = Image.custom({
      name: "shift",
      numbers: 2,
      draw: (rng, { width }, parameters) => {
        parameters[0] = rng.integer(100)
        parameters[1] = width
      },
      output: (size, [, width = 0], output) => {
        output.width = size.width + (width % 2)
      },
      run: (from, size, [by = 0], target, offset, output) => {
        for (let row = 0; row < output.height; row++) {
          for (let at = 0; at < output.width * output.channels; at++) {
            const inside = at < size.width * size.channels
            target[offset + row * output.width * output.channels + at] = inside
              ? ((from[row * size.width * size.channels + at] ?? 0) + by) % 256
              : 1
          }
        }
      }
    })
    const image = make(Uint8Array.of(1, 2, 255), [1, 3, 1])
    const by = at(3).integer(100)
    const result = shift(image, at(3))
    expect(result.shape).toEqual([1, 4, 1])
    expect([...result.data]).toEqual([1 + by, 2 + by, (255 + by) % 256, 1])
    fc.assert(
      fc.property(images, (own) => {
        const stages = [Image.randomHorizontalFlip(), shift, Image.toFloat] as const
        const apart = stages[2](shift(stages[0](own, at(0)), at(1)))
        expect(run(stages, own)).toEqual(apart)
      })
    )
  })

  test(
    "goes with Pipeline.map where it does not draw, and by its kernel gives the same bits",
    async () => {
      const posterize = await built()
      let calls = 0
      const coarse = Image.custom({
        name: "posterize",
        run: (from, { channels, height, width }, _, target, offset) => {
          for (let at = 0; at < height * width * channels; at++) target[offset + at] = (from[at] ?? 0) & 0xe0
        },
        kernel: {
          scratch: () => 10,
          run: ({ size: { channels, height, width }, source, target }) => {
            calls++
            posterize(source, height * width * channels, 0xe0, target)
          }
        }
      })
      fc.assert(
        fc.property(images, fc.boolean(), (image, floats) => {
          const stages = floats ? [coarse, Image.randomVerticalFlip(), Image.toFloat] : [coarse]
          const before = calls
          const on = run(stages, image)
          expect(calls - before).toBe(image.dtype === "uint8" ? 1 : 0)
          use(false)
          try {
            expect(run(stages, image)).toEqual(on)
          } finally {
            use(true)
          }
          expect(calls - before).toBe(image.dtype === "uint8" ? 1 : 0)
        })
      )
    },
    TIME
  )

  test("is refused without a name, and with a count that is none", () => {
    const work = () => undefined
    expect(() => Image.custom({ name: "", run: work })).toThrow(InvalidOption)
    for (const numbers of [-1, 1.5, Number.NaN]) {
      expect(() => Image.custom({ name: "own", numbers, run: work })).toThrow("numbers must be")
    }
  })
})
