/**
 * A random order with bounded reach: each window of consecutive positions is permuted by itself.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import * as Permutation from "../random/Permutation.ts"
import type { Rng } from "../random/Rng.ts"
import * as Rngs from "../random/Rng.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { type InWindow, type Order, ownSampler, type Sampler } from "./EpochOrder.ts"
import { PositionRng } from "./PositionRng.ts"

/** How many permutations are kept: workers are in windows next to one another. */
const KEPT = 8

/**
 * Every index once: of each `window` consecutive indices, those of a window in an order of their own, redrawn each epoch.
 * A window's order depends on its number and on how many samples it has, and on nothing before it. Throws `InvalidOption`
 * unless `window` is a whole number of at least 1.
 *
 * @since 0.1.0
 */
export const shuffleWindow = (window: number): Sampler<SeedPolicy> => {
  const size = whole("the window of Pipeline.shuffleWindow", window, 1)
  return ownSampler({
    name: "shuffleWindow",
    draws: true,
    distinct: true,
    parameters: { window: size },
    window: size,
    count: (count) => count,
    order: (count, rng) => inWindows(size, count, rng)
  })
}

const inWindows = (size: number, count: number, rng: Rng): Order => {
  const permuted = permutations(rng)
  return Object.assign(
    (position: number): number => {
      const window = Math.floor(position / size)
      const first = window * size
      return first + permuted(window, Math.min(size, count - first))(position - first)
    },
    { inWindow: permuted }
  )
}

/** The permutation of each window, of so many rows as it has. */
const permutations = (rng: Rng): InWindow => {
  const words = new PositionRng(rng)
  const known = new Map<number, Permutation.Permutation>()
  return (window, rows) => {
    const before = known.get(window)
    if (before?.size === rows) return before.at
    words.at(window)
    const seed = { algorithm: "xoshiro128**", words: [words.word(), words.word(), words.word(), words.word()] } as const
    const own = Permutation.make(rows, Rngs.make(seed))
    known.delete(window)
    known.set(window, own)
    for (const oldest of known.keys()) {
      if (known.size <= KEPT) break
      known.delete(oldest)
    }
    return own.at
  }
}
