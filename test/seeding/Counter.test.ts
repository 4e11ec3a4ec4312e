/**
 * The table of `Counter.ts`, read back from start states by undoing Philox.
 */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Either } from "effect"
import * as fc from "fast-check"
import * as Seed from "../../src/random/Seed.ts"
import { stageId } from "../../src/seeding/Coordinates.ts"
import { byIndex, byWorker, type Layout, states } from "../../src/seeding/Counter.ts"
import type { Request, RowCoordinates } from "../../src/seeding/Request.ts"
import { philoxInverse } from "../random/generators/reference.ts"

const key = Either.getOrThrow(Seed.root(2n ** 40n + 7n))

const at = {
  epoch: 0x9abc,
  rank: 0xf1e2,
  worker: 0xabc,
  ordinal: 0x12345678,
  batch: 0x9876543210,
  position: 0x7abcdef01
}
const request = (own: Partial<Request>): Request => ({
  scope: "sample",
  stage: stageId("crop"),
  world: 2 ** 16,
  workers: 2 ** 12,
  indices: [0x654321fed],
  distinct: true,
  ...at,
  ...own
})

const mix = { components: [0xc1c], passes: [0xbad] }
const children = [0xcafe]
const windows = [0x512345678]
const of = (rows: RowCoordinates, distinct = true): Request => request({ rows, distinct })
const epoch = request({ scope: "epoch" })
const batch = request({ scope: "batch" })

/** A request for each tag, by the policy that packs it. */
const requests: ReadonlyArray<readonly [tag: number, layoutOf: (request: Request) => Layout, request: Request]> = [
  [1, byWorker, epoch],
  [1, byIndex, epoch],
  [2, byWorker, request({})],
  [2, byWorker, of({ mix })],
  [3, byWorker, batch],
  [4, byIndex, request({})],
  [5, byIndex, request({ distinct: false })],
  [6, byIndex, batch],
  [7, byIndex, of({ mix })],
  [7, byIndex, of({ mix }, false)],
  [8, byIndex, of({ children })],
  [8, byIndex, of({ children }, false)],
  [9, byIndex, of({ children, mix })],
  [9, byIndex, of({ children, mix }, false)],
  [10, byIndex, of({ children, windows })],
  [10, byIndex, of({ children, windows }, false)],
  [11, byIndex, of({ children, mix, windows })],
  [12, byWorker, of({ children })],
  [12, byWorker, of({ children, mix })],
  [13, byWorker, of({ children, windows })],
  [13, byWorker, of({ children, mix, windows })],
  [14, byWorker, request({ scope: "epoch", rows: { mix } })],
  [14, byIndex, request({ scope: "epoch", rows: { mix } })]
]

/** The table in the docstring: each tag with its fields and their bits. */
const table = (): ReadonlyMap<number, ReadonlyArray<readonly [name: string, bits: number]>> => {
  const text = readFileSync(fileURLToPath(new URL("../../src/seeding/Counter.ts", import.meta.url)), "utf8")
  const rows = Array.from(
    text.matchAll(/^ \* +(\d+) {2}(?:\S+ )+ +(.+)$/gm),
    ([, tag = "", fields = ""]) => [Number(tag), fields] as const
  )
  const found = new Map<number, ReadonlyArray<readonly [string, number]>>()
  for (const [tag, fields] of rows) {
    const same = /^as (\d+)/.exec(fields)
    const parts = fields.split(" | ")
    const own = parts.map((part): readonly [string, number] => {
      const [, name = "", bits = ""] = /^(.+) (\d+)$/.exec(part) ?? []
      return [name, Number(bits)]
    })
    found.set(tag, same === null ? own : (found.get(Number(same[1])) ?? []))
  }
  return found
}

/** What a field of the table is to hold. */
const expected = (name: string, own: Request): number => {
  const index = own.distinct ? (own.indices[0] ?? 0) : own.position
  const values: Readonly<Record<string, number>> = {
    "0": 0,
    ...at,
    "rank low": at.rank & 0xff,
    "rank high": at.rank >>> 8,
    index,
    own: index,
    "by position": own.distinct ? 0 : 1,
    component: mix.components[0] ?? 0,
    pass: mix.passes[0] ?? 0,
    child: children[0] ?? 0,
    window: windows[0] ?? 0
  }
  return values[name] ?? Number.NaN
}

test("the table names every tag from 1 to 14, and each tag's fields are 92 bits", () => {
  expect([...table().keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, tag) => tag + 1))
  for (const fields of table().values()) expect(fields.reduce((sum, [, bits]) => sum + bits, 0)).toBe(92)
  expect([...new Set(requests.map(([tag]) => tag))]).toHaveLength(14)
})

test.each(requests)("tag %i: the counter is what the table says, case %#", (tag, layoutOf, own) => {
  const words = states(layoutOf, own, key)
  if (!(words instanceof Uint32Array)) throw new Error(words.reason)
  const [a = 0, b = 0, c = 0, d = 0] = words
  const [c0, c1, c2, c3] = philoxInverse([a, b, c, d], [key.low, key.high])
  expect(c3).toBe(own.stage.id)
  expect(c1 >>> 28).toBe(tag)
  let bits = BigInt(c0) | (BigInt(c1 & 0xfffffff) << 32n) | (BigInt(c2) << 60n)
  const read = (table().get(tag) ?? []).map(([name, width]) => {
    const value = Number(bits & ((1n << BigInt(width)) - 1n))
    bits >>= BigInt(width)
    return [name, value]
  })
  expect(read).toEqual((table().get(tag) ?? []).map(([name]) => [name, expected(name, own)]))
})

test("rows are packed one by one: each as it is packed alone", () => {
  const count = 5
  const list = (limit: number) => fc.array(fc.nat(limit), { minLength: count, maxLength: count })
  const rows = fc.record({
    ordinals: list(2 ** 32 - 1),
    positions: list(2 ** 31 - 1),
    components: list(4095),
    passes: list(4095),
    windows: list(2 ** 31 - 1),
    children: list(65535)
  })
  const kinds = fc.record({ mix: fc.boolean(), children: fc.boolean(), windows: fc.boolean(), distinct: fc.boolean() })
  fc.assert(
    fc.property(rows, list(2 ** 31 - 1), kinds, fc.constantFrom(byIndex, byWorker), (all, indices, kind, layoutOf) => {
      const part = (from: number, to: number): Request => {
        const cut = (values: ReadonlyArray<number>) => values.slice(from, to)
        const own: RowCoordinates = {
          ordinals: cut(all.ordinals),
          positions: cut(all.positions),
          ...(kind.mix ? { mix: { components: cut(all.components), passes: cut(all.passes) } } : {}),
          ...(kind.children || kind.windows ? { children: cut(all.children) } : {}),
          ...(kind.windows ? { windows: cut(all.windows) } : {})
        }
        return request({ indices: cut(indices), rows: own, distinct: kind.distinct })
      }
      const together = states(layoutOf, part(0, count), key)
      const alone = indices.map((_, row) => states(layoutOf, part(row, row + 1), key))
      expect(together).toEqual(Uint32Array.from(alone.flatMap((own) => (own instanceof Uint32Array ? [...own] : []))))
    })
  )
})
