/**
 * The model: a network of 784 inputs, one hidden layer of 256 and 10 outputs, trained by gradient descent with Nesterov's
 * momentum on jax-js' wasm backend, which runs on Bun and on Deno alike. Adam reads as many digits right and takes
 * nearly twice the time: it keeps two running means of each weight where momentum keeps one.
 *
 * jax-js counts references: an array that is passed to a function is used up by it, `.ref` keeps it for another use.
 */
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax"
import * as Effect from "effect/Effect"
import type { Rng } from "../../src/index.ts"

const INPUTS = 784
const HIDDEN = 256
const CLASSES = 10

const MOMENTUM = 0.9

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

/** One step on one array, as Sutskever, Martens, Dahl and Hinton (2013) have it: its value, and its velocity. */
const descend = (
  value: np.Array,
  velocity: np.Array,
  gradient: np.Array,
  rate: np.Array
): readonly [np.Array, np.Array] => {
  const next = velocity.mul(MOMENTUM).add(gradient.ref)
  return [value.sub(next.ref.mul(MOMENTUM).add(gradient).mul(rate)), next]
}

const update = jit((weights: Weights, velocities: Weights, images: np.Array, targets: np.Array, rate: np.Array) => {
  const [value, gradient] = lossAndGradient(tree.ref(weights), images, targets)
  const step = (key: keyof Weights, own: np.Array) => descend(weights[key], velocities[key], gradient[key], own)
  const [w1, w1v] = step("w1", rate.ref)
  const [b1, b1v] = step("b1", rate.ref)
  const [w2, w2v] = step("w2", rate.ref)
  const [b2, b2v] = step("b2", rate)
  return [value, { w1, b1, w2, b2 }, { w1: w1v, b1: b1v, w2: w2v, b2: b2v }] as [np.Array, Weights, Weights]
})

const classify = jit((weights: Weights, images: np.Array) => np.argmax(logits(weights, images), -1))

const zeros = (): Weights => ({
  w1: np.zeros([INPUTS, HIDDEN]),
  b1: np.zeros([HIDDEN]),
  w2: np.zeros([HIDDEN, CLASSES]),
  b2: np.zeros([CLASSES])
})

/** A copy, because jax-js keeps the memory that it is given, and a batch's may be a shared one. */
const matrix = (images: Float32Array, rows: number): np.Array =>
  np.array(new Float32Array(images)).reshape([rows, INPUTS])

/** A batch as the model takes it: normalized images, row by row, and the digit of each. */
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
  /** All that it has learned, to the bit: weights and velocities by name, as little-endian float32. */
  readonly state: () => Readonly<Record<string, Uint8Array>>
  /** Takes the place of what it has learned; `false`, and nothing, when the state is not one of such a model. */
  readonly restore: (state: Readonly<Record<string, Uint8Array>>) => boolean
}

/** What the model is: a state is of use only to one of the same kind. */
export const KIND = `${INPUTS}-${HIDDEN}-${CLASSES} relu, Nesterov ${MOMENTUM}`

const SHAPES = { w1: [INPUTS, HIDDEN], b1: [HIDDEN], w2: [HIDDEN, CLASSES], b2: [CLASSES] } as const
const NAMES = ["w1", "b1", "w2", "b2"] as const satisfies ReadonlyArray<keyof Weights>

const bytesOf = (array: np.Array): Uint8Array => {
  const { buffer, byteLength, byteOffset } = array.ref.dataSync()
  return new Uint8Array(buffer, byteOffset, byteLength).slice()
}

const arrayOf = (bytes: Uint8Array, shape: ReadonlyArray<number>): np.Array =>
  np.array(new Float32Array(new Uint8Array(bytes).buffer)).reshape([...shape])

const build = (rng: Rng.Rng): Model => {
  /** He, Zhang, Ren and Sun (2015): normals of variance 2 / inputs, for layers with relu. */
  const normals = (rows: number, columns: number): np.Array =>
    np.array(rng.fillNormal(new Float32Array(rows * columns), 0, Math.sqrt(2 / rows))).reshape([rows, columns])
  let weights: Weights = { ...zeros(), w1: normals(INPUTS, HIDDEN), w2: normals(HIDDEN, CLASSES) }
  let velocities = zeros()

  return {
    train: ({ images, labels }, rate) => {
      const size = labels.length
      const targets = new Float32Array(size * CLASSES)
      for (let row = 0; row < size; row++) targets[row * CLASSES + (labels[row] ?? 0)] = 1 / size
      const [value, ...next] = update(
        weights,
        velocities,
        matrix(images, size),
        np.array(targets).reshape([size, CLASSES]),
        np.array(Float32Array.of(rate)).reshape([])
      )
      ;[weights, velocities] = next
      return value.dataSync()[0] ?? Number.NaN
    },
    correct: ({ images, labels }) => {
      const read = classify(tree.ref(weights), matrix(images, labels.length)).dataSync()
      let right = 0
      for (let row = 0; row < labels.length; row++) right += Number(read[row] === labels[row])
      return right
    },
    state: () =>
      Object.fromEntries(
        NAMES.flatMap((name) => [
          [name, bytesOf(weights[name])],
          [`${name}.velocity`, bytesOf(velocities[name])]
        ])
      ),
    restore: (state) => {
      const read = (suffix: string): Weights | undefined => {
        const own: Partial<Weights> = {}
        for (const name of NAMES) {
          const bytes = state[`${name}${suffix}`]
          const shape = SHAPES[name]
          if (bytes?.length !== 4 * shape.reduce((all: number, side) => all * side, 1)) return undefined
          own[name] = arrayOf(bytes, shape)
        }
        return own as Weights // each of its names was set
      }
      const [values, speeds] = [read(""), read(".velocity")]
      if (values === undefined || speeds === undefined) return false
      weights = values
      velocities = speeds
      return true
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
