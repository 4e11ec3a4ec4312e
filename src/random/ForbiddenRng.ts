/**
 * The rng of stages and samplers that declare that they do not draw.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import * as Rng from "./Rng.ts"

class ForbiddenRng extends Rng.Rng {
  readonly seed = { algorithm: "none", words: [] }

  word(): number {
    throw new InvalidOption({
      option: "draws",
      value: false,
      expected: "true for a sampler or a stage that draws from its rng: without it the rng has no seed"
    })
  }
}

/** An rng that refuses to draw. @since 0.1.0 */
export const forbiddenRng: Rng.Rng = new ForbiddenRng()
