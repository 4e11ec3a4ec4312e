/**
 * Some fresh damage to every format in each run; `bun run test:fuzz` does more. A failure says how it is repeated.
 */
import { describe, expect, test } from "bun:test"
import { environment } from "../../src/core/runtime.ts"
import { reproduction, runCase } from "./Case.ts"
import { damage, drawOf } from "./Damage.ts"
import { subjects } from "./Subjects.ts"

const SEED = Number(environment("FURROW_FUZZ_SEED") ?? Math.floor(Math.random() * 2 ** 31))
const CASES = 12

describe("damaged files are rows or typed errors", () => {
  test.each(subjects.map((subject) => [subject.name, subject] as const))("%s", async (_, subject) => {
    let refused = 0
    for (let number = 0; number < CASES; number++) {
      const { damage, isRefused, wrong } = await runCase(subject, SEED, number)
      if (isRefused) refused++
      if (wrong !== undefined) {
        throw new Error(`${damage.what}; repeat it by ${reproduction(subject, SEED, number)}\n${wrong}`)
      }
    }
    // A cut is no damage to lines of text, and windows of bytes are whatever they are.
    if (!["windows", "paragraphs"].includes(subject.name)) expect(refused).toBeGreaterThan(0)
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
