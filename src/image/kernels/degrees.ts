/**
 * Sine and cosine of angles in degrees, the same on every runtime.
 *
 * @since 0.1.0
 */
import { type Direction, sincos } from "../../core/math/SinCos.ts"
import { halfEven } from "./rounding.ts"

const RADIANS = 0.017453292519943295 // π / 180

/** Sets `direction` to an angle's. Whole quarter turns come out exact, so images turned by them stay sharp. @since 0.1.0 */
export const turn = (degrees: number, direction: Direction): void => {
  const quarters = halfEven(degrees / 90)
  sincos((degrees - 90 * quarters) * RADIANS, direction)
  const { cos, sin } = direction
  const quarter = ((quarters % 4) + 4) % 4
  direction.sin = quarter === 0 ? sin : quarter === 1 ? cos : quarter === 2 ? -sin : -cos
  direction.cos = quarter === 0 ? cos : quarter === 1 ? -sin : quarter === 2 ? -cos : sin
}
