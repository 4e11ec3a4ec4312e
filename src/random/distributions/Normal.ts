/**
 * Normals by the ziggurat of Marsaglia and Tsang, "The ziggurat method for generating random variables" (2000), with
 * 256 layers and magnitudes of 53 bits.
 *
 * The tables are worked out once at load with logarithms and exponentials that are the same on every runtime, so the
 * draws are too; the engine's own `Math.log` and `Math.exp` differ in their last bits between Bun and Deno.
 *
 * @since 0.1.0
 */
import { exp } from "../../core/math/Exp.ts"
import { ln } from "../../core/math/Ln.ts"
import type { Words } from "./Words.ts"

const LAYERS = 256
/** Where the tail begins, and the area of each layer: the paper's figures for 256 layers. */
const TAIL = 3.6541528853610088
const AREA = 4.92867323399e-3
const SCALE = 2 ** 53

const inside = new Float64Array(LAYERS)
const width = new Float64Array(LAYERS)
const height = new Float64Array(LAYERS)

{
  const density = (x: number): number => exp(-0.5 * x * x)
  let edge = TAIL
  let outer = TAIL
  const base = AREA / density(TAIL)
  inside[0] = (TAIL / base) * SCALE
  inside[1] = 0
  width[0] = base / SCALE
  width[LAYERS - 1] = TAIL / SCALE
  height[0] = 1
  height[LAYERS - 1] = density(TAIL)
  for (let layer = LAYERS - 2; layer >= 1; layer--) {
    edge = Math.sqrt(-2 * ln(AREA / edge + density(edge)))
    inside[layer + 1] = (edge / outer) * SCALE
    outer = edge
    height[layer] = density(edge)
    width[layer] = edge / SCALE
  }
}

/**
 * A draw from the normal distribution with mean 0 and standard deviation 1. Two words in 98 of 100 cases.
 *
 * @since 0.1.0
 */
export const standardNormal = (rng: Pick<Words, "word" | "double">): number => {
  for (;;) {
    const word = rng.word()
    const layer = word & 0xff
    const magnitude = (word >>> 11) * 4294967296 + rng.word()
    // A table of 256 entries indexed by eight bits: always there.
    const x = magnitude * (width[layer] as number)
    const signed = (word & 0x100) === 0 ? x : -x
    if (magnitude < (inside[layer] as number)) return signed
    if (layer === 0) {
      const beyond = tail(rng)
      return (word & 0x100) === 0 ? beyond : -beyond
    }
    const below = height[layer] as number
    const above = height[layer - 1] as number
    if (below + rng.double() * (above - below) < exp(-0.5 * x * x)) return signed
  }
}

/** Marsaglia's method for what lies beyond the last layer. */
const tail = (rng: Pick<Words, "double">): number => {
  for (;;) {
    // 1 - u lies in (0, 1], so that no logarithm of 0 is taken.
    const x = -ln(1 - rng.double()) / TAIL
    const y = -ln(1 - rng.double())
    if (y + y > x * x) return TAIL + x
  }
}
