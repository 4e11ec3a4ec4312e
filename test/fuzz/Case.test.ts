/**
 * Some fresh damage to every format, to frames and to requests in each run; `bun run test:fuzz` does more. A failure says how it is repeated.
 */
import { describe, expect, test } from "bun:test"
import { environment } from "../../src/core/runtime.ts"
import { type Kind, reproduction } from "./Case.ts"
import { damage, drawOf } from "./Damage.ts"
import { kinds } from "./Kinds.ts"
import { frames, requests } from "./Wire.ts"

const SEED = Number(environment("FURROW_FUZZ_SEED") ?? Math.floor(Math.random() * 2 ** 31))
const CASES = 12

/** Frames and requests take less than a millisecond. */
const MORE = 48
const quick: ReadonlySet<Kind> = new Set([frames, requests])

describe("damaged files, frames and requests are what they are, or typed errors", () => {
  test.each(kinds.map((kind) => [kind.name, kind] as const))("%s", async (name, kind) => {
    let refused = 0
    const cases = quick.has(kind) ? MORE : CASES
    for (let number = 0; number < cases; number++) {
      const { damage, isRefused, wrong } = await kind.run(SEED, number)
      if (isRefused) refused++
      if (wrong !== undefined) {
        throw new Error(`${damage.what}; repeat it by ${reproduction(kind, SEED, number)}\n${wrong}`)
      }
    }
    expect(await kind.close?.()).toBeUndefined()
    // A cut is no damage to lines of text, and windows of bytes are whatever they are.
    if (!["windows", "paragraphs"].includes(name)) expect(refused).toBeGreaterThan(0)
  })
})

test("damage is the same by the same numbers, and never none", () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, at) => at)
  const kinds = new Set<string>()
  for (let number = 0; number < 200; number++) {
    const [one, two] = [damage(bytes, drawOf(1, number)), damage(bytes, drawOf(1, number))]
    expect([one.what, Buffer.compare(one.bytes, two.bytes)]).toEqual([two.what, 0])
    kinds.add(one.what.replaceAll(/[\d., -]+/g, " "))
  }
  expect(kinds.size).toBe(5)
  expect(damage(bytes, drawOf(2, 0)).what).not.toBe(damage(bytes, drawOf(1, 0)).what)
})
