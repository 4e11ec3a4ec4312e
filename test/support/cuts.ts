/**
 * Batches of varying size, as later stages will cut them: sizes, and an end, that nobody knows before.
 */
import type { Pipeline } from "../../src/index.ts"
import type { BatchCuts, Cut } from "../../src/pipeline/BatchCuts.ts"

/** A number from 0 to `below − 1` that depends on nothing else. */
export const mixed = (one: number, other: number, below: number): number =>
  (Math.imul(Math.imul(one + 1, 0x9e3779b1) ^ (other + 7), 0x85ebca6b) >>> 8) % below

/** The same pipeline, whose batch stage cuts epochs by `cuts`. */
export const withCuts = <A, E, R>(
  pipeline: Pipeline.Pipeline<A, E, R>,
  cuts: BatchCuts
): Pipeline.Pipeline<A, E, R> => {
  const stages = pipeline.stages.map((stage) => (stage._tag === "Batch" ? { ...stage, cuts } : stage))
  return Object.assign(Object.create(Object.getPrototypeOf(pipeline)), pipeline, { stages })
}

/** What {@link fake} depends on. */
export interface Fake {
  readonly salt: number
  /** How many positions an epoch may end early. */
  readonly early: number
}

/** How many positions an epoch of a fake has. */
export const lengthOf = ({ early, salt }: Fake, epoch: number, count: number): number =>
  Math.max(0, count - mixed(epoch, salt, early + 1))

/** The batch that begins at a position, in an epoch of `length` positions. */
export const cutAt = ({ salt }: Fake, position: number, size: number, length: number): Cut => ({
  position,
  size: Math.min(1 + mixed(position, salt, size), length - position)
})

/** Cuts of sizes from 1 to the stage's, by position, in epochs of a length of their own. */
export const fake = (own: Fake): BatchCuts => ({
  name: "fake",
  parameters: { ...own },
  cut: ({ count, epoch, from, size }) => {
    const length = lengthOf(own, epoch, count)
    const known: Array<Cut> = []
    return {
      at: (batch) => {
        while (known.length <= batch) {
          const last = known.at(-1)
          const position = last === undefined ? from : last.position + last.size
          if (position >= length) return undefined
          known.push(cutAt(own, position, size, length))
        }
        return known[batch]
      }
    }
  }
})

/** All batches of an epoch of a fake, from the first position on. */
export const allCuts = (own: Fake, epoch: number, count: number, size: number): ReadonlyArray<Cut> => {
  const length = lengthOf(own, epoch, count)
  const all: Array<Cut> = []
  for (let position = 0; position < length; position = (all.at(-1)?.position ?? 0) + (all.at(-1)?.size ?? 0)) {
    all.push(cutAt(own, position, size, length))
  }
  return all
}
