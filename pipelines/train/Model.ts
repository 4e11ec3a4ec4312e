/**
 * The model: a network of 784 inputs, one hidden layer and 10 outputs, trained by Adam on jax-js' wasm backend, which
 * runs on Bun and on Deno alike.
 *
 * jax-js counts references: an array that is passed to a function is used up by it, `.ref` keeps it for another use.
 */
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax"
import { Effect } from "effect"
import type { Rng } from "../../src/index.ts"

const INPUTS = 784
const HIDDEN = 256
const CLASSES = 10

// Adam's constants, as Kingma and Ba (2015) have them.
const BETA1 = 0.9
const BETA2 = 0.999
const EPSILON = 1e-8

// A type alias and not an interface: jax-js takes records of arrays only so.
type Weights = { w1: np.Array; b1: np.Array; w2: np.Array; b2: np.Array }

const logits = (weights: Weights, images: np.Array): np.Array => {
  const hidden = nn.relu(np.matmul(images, weights.w1).add(weights.b1))
  return np.matmul(hidden, weights.w2).add(weights.b2)
}

/** Cross entropy, the mean over the batch; `targets` are one-hot rows divided by the batch's size. */
const loss = (weights: Weights, images: np.Array, targets: np.Array): np.Array =>
  nn.logSoftmax(logits(weights, images), -1).mul(targets).sum().mul(-1)

const lossAndGradient = valueAndGrad(loss)

/** One step of Adam on one array: its value, and the running means of the gradient and its square. */
const adam = (
  value: np.Array,
  mean: np.Array,
  square: np.Array,
  gradient: np.Array,
  rate: np.Array,
  correction: np.Array
): readonly [np.Array, np.Array, np.Array] => {
  const nextMean = mean.mul(BETA1).add(gradient.ref.mul(1 - BETA1))
  const nextSquare = square.mul(BETA2).add(np.square(gradient).mul(1 - BETA2))
  const denominator = np.sqrt(nextSquare.ref.div(correction)).add(EPSILON)
  return [value.sub(nextMean.ref.mul(rate).div(denominator)), nextMean, nextSquare]
}

const update = jit(
  (
    weights: Weights,
    means: Weights,
    squares: Weights,
    images: np.Array,
    targets: np.Array,
    rate: np.Array,
    correction: np.Array
  ) => {
    const [value, gradient] = lossAndGradient(tree.ref(weights), images, targets)
    const step = (key: keyof Weights, own: np.Array, scale: np.Array) =>
      adam(weights[key], means[key], squares[key], gradient[key], own, scale)
    const [w1, w1m, w1s] = step("w1", rate.ref, correction.ref)
    const [b1, b1m, b1s] = step("b1", rate.ref, correction.ref)
    const [w2, w2m, w2s] = step("w2", rate.ref, correction.ref)
    const [b2, b2m, b2s] = step("b2", rate, correction)
    return [
      value,
      { w1, b1, w2, b2 },
      { w1: w1m, b1: b1m, w2: w2m, b2: b2m },
      { w1: w1s, b1: b1s, w2: w2s, b2: b2s }
    ] as [np.Array, Weights, Weights, Weights]
  }
)

const classify = jit((weights: Weights, images: np.Array) => np.argmax(logits(weights, images), -1))

const zeros = (): Weights => ({
  w1: np.zeros([INPUTS, HIDDEN]),
  b1: np.zeros([HIDDEN]),
  w2: np.zeros([HIDDEN, CLASSES]),
  b2: np.zeros([CLASSES])
})

const scalar = (value: number): np.Array => np.array(Float32Array.of(value)).reshape([])

/** A copy, because jax-js keeps the memory that it is given, and a batch's may be a shared one. */
const matrix = (images: Float32Array, rows: number): np.Array =>
  np.array(new Float32Array(images)).reshape([rows, INPUTS])

/** A batch as the model takes it: normalised images, row by row, and the digit of each. */
export interface Input {
  readonly images: Float32Array
  readonly labels: ArrayLike<number>
}

/** A network in training. */
export interface Model {
  /** One step down the gradient at a learning rate; gives the loss before it. */
  readonly train: (batch: Input, rate: number) => number
  /** How many of a batch it reads right. */
  readonly correct: (batch: Input) => number
}

const build = (rng: Rng.Rng): Model => {
  /** He, Zhang, Ren and Sun (2015): normals of variance 2 / inputs, for layers with relu. */
  const normals = (rows: number, columns: number): np.Array =>
    np.array(rng.fillNormal(new Float32Array(rows * columns), 0, Math.sqrt(2 / rows))).reshape([rows, columns])
  let weights: Weights = { ...zeros(), w1: normals(INPUTS, HIDDEN), w2: normals(HIDDEN, CLASSES) }
  let means = zeros()
  let squares = zeros()
  // Powers of the betas so far: Adam's means start from 0, which these correct for.
  let power1 = 1
  let power2 = 1

  return {
    train: ({ images, labels }, rate) => {
      const size = labels.length
      const targets = new Float32Array(size * CLASSES)
      for (let row = 0; row < size; row++) targets[row * CLASSES + (labels[row] ?? 0)] = 1 / size
      power1 *= BETA1
      power2 *= BETA2
      const [value, ...next] = update(
        weights,
        means,
        squares,
        matrix(images, size),
        np.array(targets).reshape([size, CLASSES]),
        scalar(rate / (1 - power1)),
        scalar(1 - power2)
      )
      ;[weights, means, squares] = next
      return value.dataSync()[0] ?? Number.NaN
    },
    correct: ({ images, labels }) => {
      const read = classify(tree.ref(weights), matrix(images, labels.length)).dataSync()
      let right = 0
      for (let row = 0; row < labels.length; row++) right += Number(read[row] === labels[row])
      return right
    }
  }
}

/** A fresh model, its first weights drawn from `rng`. */
export const make = (rng: Rng.Rng): Effect.Effect<Model> =>
  Effect.map(
    Effect.promise(() => init("wasm")),
    () => {
      defaultDevice("wasm")
      return build(rng)
    }
  )
