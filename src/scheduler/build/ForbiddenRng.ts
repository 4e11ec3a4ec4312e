/**
 * What code is handed that says that it does not draw.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"
import type * as Ambient from "../../patches/Ambient.ts"
import * as Rng from "../../random/Rng.ts"

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

/**
 * A sampler at work. It is asked at any time by any worker, so no stream of its own could make ambient randomness
 * repeatable there: that is refused, or left alone.
 *
 * @since 0.1.0
 */
export const sampling = (setting: Ambient.Setting): Ambient.AtWork => ({
  setting: setting === "leave" ? "leave" : "refuse",
  stage: () => "sample",
  drawing: () => undefined,
  derived: () => forbiddenRng
})
