/**
 * A program of its own, the rival: tfjs-data as its documentation has it. Two arrays as one, shuffled through a buffer
 * of all of them, a map of the pixels, batches; consumed by `forEachAsync`, its tensors disposed of. The map works on
 * typed arrays and makes a tensor of the result: operations on tensors would cost this work several times as much.
 */
import { createInterface } from "node:readline"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import "@tensorflow/tfjs-backend-cpu"
import * as data from "@tensorflow/tfjs-data"
import { BATCH, images, labels, MEAN, PADDING, SAMPLES, SIDE, STD } from "../loads/w1.ts"

await tf.setBackend("cpu")
await tf.ready()

const table = Float32Array.from({ length: 256 }, (_, value) => (value / 255 - MEAN) / STD)

const augment = (image: Uint8Array): Tensor => {
  const top = Math.floor(Math.random() * (2 * PADDING + 1)) - PADDING
  const left = Math.floor(Math.random() * (2 * PADDING + 1)) - PADDING
  const flipped = Math.random() < 0.5
  const out = new Float32Array(SIDE * SIDE).fill(table[0] as number) // it has 256
  for (let y = Math.max(-top, 0); y < Math.min(SIDE - top, SIDE); y++) {
    for (let x = Math.max(-left, 0); x < Math.min(SIDE - left, SIDE); x++) {
      const value = table[image[(y + top) * SIDE + x + left] as number] as number // inside, and a byte
      out[y * SIDE + (flipped ? SIDE - 1 - x : x)] = value
    }
  }
  return tf.tensor3d(out, [SIDE, SIDE, 1])
}

const pixels = Array.from({ length: SAMPLES }, (_, index) =>
  images.data.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE)
)
const dataset = data
  .array(Array.from(labels, (label, index) => ({ index, label })))
  .shuffle(SAMPLES)
  .map(({ index, label }) => ({ xs: augment(pixels[index] as Uint8Array), ys: label })) // an index of `pixels`
  .batch(BATCH)

const epoch = async (): Promise<number> => {
  let seen = 0
  await dataset.forEachAsync((batch) => {
    const { xs, ys } = batch as { readonly xs: Tensor; readonly ys: Tensor } // as mapped above
    seen += xs.shape[0] ?? 0
    tf.dispose([xs, ys])
  })
  return seen
}

console.log("{}")
for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify({ units: await epoch() }))
