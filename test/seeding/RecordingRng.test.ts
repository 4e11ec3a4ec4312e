import { describe, expect, test } from "bun:test"
import * as Rng from "../../src/random/Rng.ts"
import { type Coordinates, stageId } from "../../src/seeding/Coordinates.ts"
import { RecordingRng } from "../../src/seeding/RecordingRng.ts"
import type { Draw } from "../../src/seeding/SeedPolicy.ts"

const at: Coordinates = {
  scope: "sample",
  stage: stageId("crop"),
  epoch: 2,
  rank: 1,
  world: 4,
  worker: 3,
  workers: 8,
  batch: 11,
  ordinal: 96,
  position: 1408,
  index: 50_123,
  distinct: true
}

const plain = (): Rng.Rng => Rng.make({ algorithm: "xoshiro128**", words: [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1] })

const recorded = (draw: (rng: Rng.Rng) => unknown): ReadonlyArray<Draw> => {
  const log: Array<Draw> = []
  draw(new RecordingRng(plain(), at, log))
  return log
}

const weights = [1, 2, 3]

describe("each call is one entry, with its arguments and what came", () => {
  test.each<[string, ReadonlyArray<unknown>, (rng: Rng.Rng) => unknown]>([
    ["word", [], (rng) => rng.word()],
    ["float", [], (rng) => rng.float()],
    ["double", [], (rng) => rng.double()],
    ["integer", [10], (rng) => rng.integer(10)],
    ["between", [-3, 3], (rng) => rng.between(-3, 3)],
    ["bernoulli", [0.3], (rng) => rng.bernoulli(0.3)],
    ["bernoulli", [0.5], (rng) => rng.bernoulli()],
    ["uniform", [2, 3], (rng) => rng.uniform(2, 3)],
    ["uniform", [0, 1], (rng) => rng.uniform()],
    ["normal", [5, 2], (rng) => rng.normal(5, 2)],
    ["normal", [0, 1], (rng) => rng.normal()],
    ["standardNormal", [], (rng) => rng.standardNormal()],
    ["gamma", [0.5], (rng) => rng.gamma(0.5)],
    ["beta", [2, 3], (rng) => rng.beta(2, 3)],
    ["permutation", [5], (rng) => rng.permutation(5)],
    ["choice", [10, 3, {}], (rng) => rng.choice(10, 3)],
    ["choice", [3, 5, { replace: true, weights }], (rng) => rng.choice(3, 5, { replace: true, weights })],
    ["shuffle", [4], (rng) => rng.shuffle(["a", "b", "c", "d"])],
    ["fill", [5], (rng) => rng.fill(new Uint8Array(5))],
    ["fillNormal", [3, 5, 2], (rng) => rng.fillNormal(new Float64Array(3), 5, 2)],
    ["fillNormal", [2, 0, 1], (rng) => rng.fillNormal(new Float32Array(2))]
  ])("%s(%j)", (method, args, draw) => {
    expect(recorded(draw)).toEqual([{ coordinates: at, method, arguments: args, value: draw(plain()) }])
  })
})

test("draws as what it records, and stands at its seed", () => {
  const log: Array<Draw> = []
  const rng = new RecordingRng(plain(), at, log)
  const twin = plain()
  expect(rng.seed).toEqual(twin.seed)
  for (let draw = 0; draw < 20; draw++) expect([rng.word(), rng.normal()]).toEqual([twin.word(), twin.normal()])
  expect(log).toHaveLength(40)
})

test("a fork is recorded under its name, on the same log", () => {
  const log = recorded((rng) => {
    const mask = rng.fork("mask")
    mask.word()
    mask.fork("edge").integer(3)
    rng.float()
  })
  const mask = plain().fork("mask")
  expect(log.map(({ method, value }) => [method, value])).toEqual([
    ["mask/word", mask.word()],
    ["mask/edge/integer", mask.fork("edge").integer(3)],
    ["float", plain().float()]
  ])
  expect(log.every(({ coordinates }) => coordinates === at)).toBe(true)
})

test("what is done to the numbers afterwards does not change the record", () => {
  const log = recorded((rng) => {
    rng.permutation(4).fill(9)
    rng.shuffle([1, 2, 3]).length = 0
    rng.choice(5, 2).push(99)
    rng.fill(new Uint8Array(3)).fill(0)
    rng.fillNormal(new Float64Array(2)).fill(0)
  })
  const twin = plain()
  const expected = [
    twin.permutation(4),
    twin.shuffle([1, 2, 3]),
    twin.choice(5, 2),
    twin.fill(new Uint8Array(3)),
    twin.fillNormal(new Float64Array(2))
  ]
  expect(log.map(({ value }) => value)).toEqual(expected)
})

test("the very array that was given is given back", () => {
  const rng = new RecordingRng(plain(), at, [])
  const [items, bytes, normals] = [[1, 2, 3], new Uint8Array(3), new Float64Array(2)]
  expect([rng.shuffle(items), rng.fill(bytes), rng.fillNormal(normals)]).toEqual([items, bytes, normals])
  expect(rng.shuffle(items)).toBe(items)
  expect(rng.fill(bytes)).toBe(bytes)
  expect(rng.fillNormal(normals)).toBe(normals)
})

test("a call that is refused is not recorded", () => {
  const log: Array<Draw> = []
  expect(() => new RecordingRng(plain(), at, log).integer(0)).toThrow("bound")
  expect(log).toEqual([])
})

test("no method of Rng goes unrecorded", () => {
  const methods = (type: { readonly prototype: object }) =>
    Object.getOwnPropertyNames(type.prototype).filter((name) => name !== "constructor" && name !== "seed")
  expect(methods(RecordingRng).sort()).toEqual([...methods(Rng.Rng), "word"].sort())
})
