/**
 * The normals of NumPy's `Generator`: Marsaglia and Tsang, "The ziggurat method for generating random variables"
 * (2000), with 256 layers and magnitudes of 52 bits.
 *
 * The tables are NumPy's to the last bit. They are worked out at load by the paper's recurrence, with the area that
 * NumPy's own tables imply; where the logarithm and the exponential used here end otherwise than those that NumPy's
 * tables were made with, the layer stands in a list below and its value is moved by one unit in the last place.
 *
 * @since 0.1.0
 */
import { exp } from "../../core/math/Exp.ts"
import { ln } from "../../core/math/Ln.ts"

const LAYERS = 256
const TAIL = 3.6541528853610088
const TAIL_INVERSE = 0.27366123732975828
const AREA = 0.004928673233974652
const SCALE = 2 ** 52
const TWO_POW_32 = 2 ** 32

/** Layers whose edge is one unit higher, or lower, than worked out here; and so for their heights. */
const EDGE_UP = [104, 101, 95, 94]
const EDGE_DOWN = [252, 135, 121, 115, 112, 97, 96, 90, 24]
const HEIGHT_UP = [252, 220, 216, 202, 198, 157, 135, 131, 121, 114, 111, 110, 91, 38]
const HEIGHT_DOWN = [228, 222, 213, 200, 177, 166, 161, 127, 87, 84]

const moved = (value: number, layer: number, up: ReadonlyArray<number>, down: ReadonlyArray<number>): number => {
  const units = Number(up.includes(layer)) - Number(down.includes(layer))
  const bits = new BigInt64Array(Float64Array.of(value).buffer)
  return new Float64Array(BigInt64Array.of((bits[0] as bigint) + BigInt(units)).buffer)[0] as number
}

/** To the nearest whole number, halves to the even one, for 0 ≤ value < 2^52. */
const nearest = (value: number): number => value + SCALE - SCALE

/** Below which magnitude a draw is taken at once: NumPy's `ki_double`. */
const inside = new Float64Array(LAYERS)
/** What one unit of magnitude is worth: `wi_double`. */
const width = new Float64Array(LAYERS)
/** The density at the layer's edge: `fi_double`. */
const height = new Float64Array(LAYERS)

{
  const density = (x: number, layer: number): number => moved(exp(-0.5 * x * x), layer, HEIGHT_UP, HEIGHT_DOWN)
  let edge = TAIL
  let top = density(edge, LAYERS - 1)
  width[LAYERS - 1] = edge / SCALE
  height[LAYERS - 1] = top
  width[0] = AREA / top / SCALE
  height[0] = 1
  inside[0] = nearest(((edge * top) / AREA) * SCALE)
  for (let layer = LAYERS - 2; layer >= 1; layer--) {
    const outer = edge
    edge = moved(Math.sqrt(-2 * ln(AREA / outer + top)), layer, EDGE_UP, EDGE_DOWN)
    top = density(edge, layer)
    inside[layer + 1] = nearest((edge / outer) * SCALE)
    width[layer] = edge / SCALE
    height[layer] = top
  }
}

/** The tables as they stand in NumPy, for tests. @since 0.1.0 */
export const tables: { readonly [name in "inside" | "width" | "height"]: Float64Array } = { inside, width, height }

/** What the ziggurat draws from. @since 0.1.0 */
export interface Source {
  /** The last 64-bit word's halves. */
  readonly low: number
  readonly high: number
  /** Makes the next one. */
  next(): void
}

const double = (source: Source): number => {
  source.next()
  // The upper 53 bits.
  return (source.high * 2097152 + (source.low >>> 11)) / 9007199254740992
}

/**
 * A draw from the normal distribution with mean 0 and standard deviation 1. One 64-bit word in 98 of 100 cases: eight
 * bits choose the layer, one the sign, 52 the magnitude.
 *
 * @since 0.1.0
 */
export const standardNormal = (source: Source): number => {
  for (;;) {
    source.next()
    const { high, low } = source
    const layer = low & 0xff
    const magnitude = ((high >>> 9) & 0xfffff) * TWO_POW_32 + (((high << 23) | (low >>> 9)) >>> 0)
    const x = magnitude * (width[layer] as number)
    const signed = (low & 0x100) === 0 ? x : -x
    if (magnitude < (inside[layer] as number)) return signed
    // NumPy takes the tail's sign from another bit than the rest's, the ninth of the magnitude.
    if (layer === 0) return (low & 0x20000) === 0 ? tail(source) : -tail(source)
    const below = height[layer] as number
    const above = height[layer - 1] as number
    if ((above - below) * double(source) + below < exp(-0.5 * x * x)) return signed
  }
}

/** Marsaglia's method for what lies beyond the last layer. 1 - u is exact, and in (0, 1]. */
const tail = (source: Source): number => {
  for (;;) {
    const x = -TAIL_INVERSE * ln(1 - double(source))
    const y = -ln(1 - double(source))
    if (y + y > x * x) return TAIL + x
  }
}
