/**
 * The reference draws of NumPy, and the comparison that they are held to.
 */

import { expect } from "bun:test"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"

interface Legacy {
  readonly state0: number
  readonly randint_1000: ReadonlyArray<number>
  readonly randint_small: ReadonlyArray<number>
  readonly randint_full_u32: ReadonlyArray<number>
  readonly randint_pow40: ReadonlyArray<string>
  readonly random_sample: ReadonlyArray<number>
  readonly uniform: ReadonlyArray<number>
  readonly standard_normal: ReadonlyArray<number>
  readonly permutation: ReadonlyArray<number>
  readonly shuffle: ReadonlyArray<number>
  readonly choice_replace: ReadonlyArray<number>
  readonly choice_no_replace: ReadonlyArray<number>
  readonly choice_p: ReadonlyArray<number>
  readonly random_u32: ReadonlyArray<number>
}

interface Modern {
  readonly raw: ReadonlyArray<string>
  readonly integers_1000: ReadonlyArray<number>
  readonly integers_u32: ReadonlyArray<number>
  readonly random: ReadonlyArray<number>
  readonly random_f32: ReadonlyArray<number>
  readonly standard_normal: ReadonlyArray<number>
  readonly permutation: ReadonlyArray<number>
}

interface Sequence {
  readonly entropy: ReadonlyArray<string>
  readonly spawn_key: ReadonlyArray<number>
  readonly u32: ReadonlyArray<number>
  readonly u64: ReadonlyArray<string>
}

/** NumPy's sections of the reference; seeds over 2^53 stand in it as keys and as text, so that nothing is rounded. */
export const reference: {
  readonly numpy_legacy: Readonly<Record<string, Legacy>>
  readonly numpy_legacy_array: ReadonlyArray<Legacy & { readonly seed: ReadonlyArray<number> }>
  readonly numpy_pcg64: Readonly<Record<string, Modern>>
  readonly numpy_philox: Readonly<Record<string, Modern>>
  readonly seed_sequence: ReadonlyArray<Sequence>
} = JSON.parse(readFileSync(new URL("../reference/generators.json", import.meta.url), "utf8"))

/** What `draw` gives for each call of one list of the reference. */
export const times = <A>(count: number, draw: () => A): Array<A> => Array.from({ length: count }, draw)

/** Fails unless `actual` are the normals `expected`, within 1e-12 of each. */
export const expectNormals = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>): void => {
  expect(actual).toHaveLength(expected.length)
  const off = actual.filter((value, index) => {
    const wanted = expected[index] as number
    return !(Math.abs(value - wanted) <= 1e-12 * Math.abs(wanted))
  })
  expect(off).toEqual([])
}

/** The SHA-256 of an array's bytes, as `hashlib.sha256(array.tobytes())` has it. */
export const sha256 = (array: Float32Array | Float64Array | Uint32Array): string =>
  createHash("sha256")
    .update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    .digest("hex")
