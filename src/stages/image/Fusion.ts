/**
 * Image stages that follow one another, as one step over a whole batch.
 *
 * @since 0.1.0
 */
import type { Rng } from "../../seeding/Rng.ts"
import { Tensor } from "../../Tensor.ts"
import { imageOf, withImage } from "./Field.ts"
import { Passes } from "./Passes.ts"
import { type Behind, behindOf, type Pixels, type Size } from "./Transform.ts"

/**
 * Some stages as one step.
 *
 * @since 0.1.0
 */
export interface Fused {
  /** How many stages it covers. */
  readonly length: number
  /**
   * Takes all samples through the stages, putting new ones in their places. `rng(stage, row)` is asked once for every
   * stage and row, right before that stage's work on that row. When all results have one size and come to 256 MiB at
   * most, they lie one behind the other in one new buffer, which is given back, so that a batch can have it for a column.
   */
  readonly run: (samples: Array<unknown>, rng: (stage: number, row: number) => Rng) => ArrayBufferLike | undefined
}

/**
 * The longest row of image stages, from the first of `functions` on, as one step; `undefined` when the first is no
 * image stage. The result is the same, to the bit, as that of the functions one after the other.
 *
 * @since 0.1.0
 */
export const fuse = (functions: ReadonlyArray<unknown>): Fused | undefined => {
  const [first, ...rest] = functions.map(behindOf)
  if (first === undefined) return undefined
  const row: Array<Behind> = [first]
  for (const next of rest) {
    if (next?.field !== first.field) break
    row.push(next)
  }
  const passes = new Passes(row.map(({ transform }) => transform))
  return { length: row.length, run: (samples, rng) => runAll(passes, first.field, samples, rng) }
}

/**
 * How many bytes are set aside for a batch when its first image is done, in the hope that all others have that size:
 * large photos of many sizes would ask for more than there is. Beyond, each image has memory of its own.
 */
const MOST_SHARED = 2 ** 28

const runAll = (
  passes: Passes,
  field: string,
  samples: Array<unknown>,
  rng: (stage: number, row: number) => Rng
): ArrayBufferLike | undefined => {
  let row = 0
  let shape: ReadonlyArray<number> = []
  let shared: Pixels | undefined
  let alone = false
  let written: Pixels = new Uint8Array(0)
  let stood = -1
  const own = (stage: number): Rng => {
    stood = row
    return rng(stage, row)
  }
  const target = (float: boolean, size: Size, length: number) => {
    const [height, width, channels] = shape
    const same = size.height === height && size.width === width && size.channels === channels
    if (!same) shape = [size.height, size.width, size.channels]
    if (row === 0 && (float ? 4 : 1) * length * samples.length <= MOST_SHARED) {
      shared = float ? new Float32Array(length * samples.length) : new Uint8Array(length * samples.length)
    }
    // A result of another size or kind has no place in the shared buffer, nor have those behind it.
    if (shared === undefined || (!same && row > 0) || shared instanceof Float32Array !== float) alone = true
    if (alone || shared === undefined) {
      written = float ? new Float32Array(length) : new Uint8Array(length)
      return { pixels: written, offset: 0 }
    }
    const offset = row * length
    written = shared.subarray(offset, offset + length)
    return { pixels: shared, offset }
  }
  for (; row < samples.length; row++) {
    const sample = samples[row]
    try {
      passes.run(imageOf(sample, field), own, target)
    } catch (error) {
      // What is no image is refused before any rng is asked for; the error is that of the first stage, at this row.
      if (stood !== row) rng(0, row)
      throw error
    }
    samples[row] = withImage(sample, field, new Tensor(written, shape))
  }
  return alone ? undefined : shared?.buffer
}
