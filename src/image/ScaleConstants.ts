/**
 * The numbers by which a kernel scales bytes to floats on its way through a window.
 *
 * @since 0.1.0
 */
import type { Arena } from "../wasm/Arena.ts"
import { Place } from "../wasm/Place.ts"
import { of, scales, table } from "./kernels/pointwise.ts"
import { NO_FILL, type Pass } from "./Pass.ts"

/** The constants of one pass, in the kernels' memory, by number of channels. @since 0.1.0 */
export class ScaleConstants {
  readonly #pass: Pass
  readonly #known = new Map<number, Place | undefined>()

  constructor(pass: Pass) {
    this.#pass = pass
  }

  /**
   * Returns the address of each channel's scale and bias, and of the scaled fill; `undefined` if these do not give the
   * table's values.
   */
  address(arena: Arena, channels: number): number | undefined {
    if (!this.#known.has(channels)) this.#known.set(channels, this.#make(arena, channels))
    return this.#known.get(channels)?.address
  }

  #make(arena: Arena, channels: number): Place | undefined {
    const pass = this.#pass
    if (pass.kind !== "window" || pass.pointwise === undefined) return undefined
    const own = scales(pass.pointwise, channels)
    if (own === undefined) return undefined
    const place = Place.take(arena, 24 * channels)
    if (place === undefined) return undefined
    arena.doubles.set(own, place.address / 8)
    const values = table(pass.pointwise, channels)
    for (let channel = 0; channel < channels; channel++) {
      const fill = of(pass.fill ?? NO_FILL, channel) & 0xff
      const at = place.address / 4 + 4 * channels + channel
      arena.floats[at] = values[256 * channel + fill] as number // a byte has an entry
      arena.words[at + channels] = fill
    }
    return place
  }
}
