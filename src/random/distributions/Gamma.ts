/**
 * Gamma draws: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).
 *
 * @since 0.1.0
 */

import { InvalidOption } from "../../core/InvalidOption.ts"
import { exp } from "../../core/math/Exp.ts"
import { ln } from "../../core/math/Ln.ts"
import type { Words } from "./Words.ts"

/**
 * A draw from the gamma distribution with shape `shape` and scale 1. Throws `InvalidOption` unless `shape` is a finite
 * number greater than 0.
 *
 * @since 0.1.0
 */
export const gamma = (rng: Pick<Words, "double" | "standardNormal">, shape: number): number => {
  if (!(shape > 0 && shape < Infinity)) {
    throw new InvalidOption({ option: "shape", value: shape, expected: "a finite number greater than 0" })
  }
  if (shape < 1) {
    // The paper's boost: a draw of shape + 1, times u^(1/shape).
    const power = exp(ln(1 - rng.double()) / shape)
    return gamma(rng, shape + 1) * power
  }
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = rng.standardNormal()
    const root = 1 + c * x
    if (root <= 0) continue
    const v = root * root * root
    const u = 1 - rng.double()
    if (ln(u) < 0.5 * x * x + d - d * v + d * ln(v)) return d * v
  }
}
