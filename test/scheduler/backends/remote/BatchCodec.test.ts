/** Batches as plain data, and back: nothing of them is lost. */
import { describe, expect, test } from "bun:test"
import { type Batch, Tensor } from "../../../../src/index.ts"
import { decodeBatch, encodeBatch } from "../../../../src/scheduler/backends/remote/BatchCodec.ts"
import { changedOnArrival } from "../../../../src/scheduler/backends/remote/NotSendable.ts"
import { clonedAlone, decodeSamples, encodeSamples } from "../../../../src/scheduler/backends/remote/SampleCodec.ts"
import { frame, reader } from "../../../support/backends/frames.ts"

test("a batch comes out of the bytes as it went in: columns, indices, children", () => {
  const batch: Batch.Batch<unknown> = {
    epoch: 1,
    index: 2,
    rank: 0,
    worker: 3,
    size: 2,
    indices: Float64Array.of(5, 8),
    children: Float64Array.of(0, 1),
    columns: { image: Tensor.make(Uint8Array.of(1, 2, 3, 4), [2, 2]), name: ["a", "b"], wide: BigInt64Array.of(1n, 2n) }
  }
  const arrived: Array<unknown> = []
  reader((message) => arrived.push(decodeBatch(message as ReturnType<typeof encodeBatch>)))(
    frame(encodeBatch(batch, []))
  )
  expect(arrived).toEqual([batch])
})

test("a batch that refers to itself is refused", () => {
  const columns: Record<string, unknown> = {}
  columns["self"] = columns
  const batch = { epoch: 0, index: 0, rank: 0, worker: 0, size: 1, indices: Float64Array.of(0), columns }
  expect(() => encodeBatch(batch, [])).toThrow("it refers to itself")
})

const batchOf = (own: unknown): Batch.Batch<unknown> => ({
  epoch: 0,
  index: 0,
  rank: 0,
  worker: 0,
  size: 1,
  indices: Float64Array.of(0),
  columns: { own }
})

const tensor = () => Tensor.make(Float64Array.of(1, 2), [2])

describe("what arrives as it was", () => {
  test.each<[string, () => unknown]>([
    ["a tensor in lists and records", () => [{ deep: [tensor()] }]],
    ["typed arrays", () => [Uint8Array.of(1), Uint8ClampedArray.of(1), BigUint64Array.of(1n)]],
    ["plain values", () => ["a", 1, 2n, true, null, undefined]],
    ["a Map and a Set of plain values", () => [new Map([["a", { b: [1] }]]), new Set([1, "a"])]],
    ["dates, buffers and errors", () => [new Date(5), new ArrayBuffer(2), new Error("own"), /own/u]]
  ])("%s", (_, own) => {
    expect(changedOnArrival(batchOf(own()))).toBeUndefined()
    const arrived = decodeBatch(structuredClone(encodeBatch(batchOf(own()), [])))
    expect(arrived).toEqual(batchOf(own()))
  })
})

class Boxes {
  readonly t = tensor()
}
class OwnTensor extends Tensor.Tensor {}
class OwnFloats extends Float32Array {}

describe("what would arrive as something else is named, and not sent", () => {
  test.each<[string, unknown, string]>([
    ["an instance of a class", new Boxes(), "Boxes"],
    ["a subclass of Tensor", new OwnTensor(Float64Array.of(1), [1]), "OwnTensor"],
    ["a Map with a tensor", new Map([["t", [tensor()]]]), "a tensor in a Map"],
    ["a Map with an instance", new Map([["t", new Boxes()]]), "Boxes"],
    ["a Set with a tensor", new Set([tensor()]), "a tensor in a Map or a Set"],
    ["a subclass of Set", new (class Own extends Set {})(), "Own"],
    ["a list of a class of its own", new (class Own extends Array {})(), "Own"],
    ["a symbol for a key", { [Symbol.for("z")]: 1 }, "keys that are symbols"]
  ])("%s", (_, own, reason) => {
    expect(changedOnArrival(batchOf({ deep: [own] }))).toMatch(/^columns\.own\.deep\[0\] cannot be sent from a thread/u)
    expect(changedOnArrival(batchOf({ deep: [own] }))).toContain(reason)
    expect(() => encodeBatch(batchOf([own]), [])).toThrow(reason)
    expect(changedOnArrival({ ...batchOf(1), beside: own })).toMatch(/^beside cannot be sent/u)
  })
})

test("what arrives as its plain kind is sent by threads, but is not what fibers deliver", () => {
  const bare: unknown = Object.assign(Object.create(null), { t: tensor() })
  for (const own of [new OwnFloats(2), Buffer.from("abc"), Tensor.make(new OwnFloats(2), [2]), bare]) {
    expect(() => encodeBatch(batchOf(own), [])).not.toThrow()
    expect(changedOnArrival(batchOf(own))).toMatch(/^columns\.own cannot be sent from a thread as it is/u)
  }
  expect(changedOnArrival(batchOf([() => 1]))).toMatch(/^columns\.own\[0\] cannot be sent/u)
})

describe("a sample of a stream that no thread can be sent as it is", () => {
  const detached = () => {
    const array = new Float64Array(2)
    const view = new DataView(array.buffer)
    structuredClone(array.buffer, { transfer: [array.buffer] })
    return { array, view }
  }
  const hidden = (): unknown => Object.defineProperty({ v: 1 }, "h", { value: 2 })
  test.each<[string, () => unknown, string]>([
    ["is a Proxy", () => new Proxy({ v: 1 }, {}), "a sample cannot be sent to a thread as it is (TypeError: a Proxy"],
    ["holds one", () => ({ a: [new Proxy([1], {})] }), "a[0] cannot be sent to a thread as it is (TypeError: a Proxy"],
    ["holds one beside a tensor", () => ({ t: tensor(), a: new Proxy({}, {}) }), "a cannot be sent to a thread"],
    [
      "has fields that are not enumerable",
      hidden,
      "a sample cannot be sent to a thread as it is (TypeError: fields that"
    ],
    [
      "has such ones beside a tensor",
      () => ({ t: tensor(), a: hidden() }),
      "(TypeError: fields that are not enumerable"
    ],
    [
      "is an array that was transferred",
      () => detached().array,
      "a sample cannot be sent to a thread as it is (DataClone"
    ],
    [
      "holds its memory",
      () => ({ a: [detached().array.buffer] }),
      "a[0] cannot be sent to a thread as it is (DataClone"
    ],
    ["holds a view of it", () => [{ v: detached().view }], "[0].v cannot be sent to a thread as it is (TypeError"],
    [
      "holds a tensor of it",
      () => ({ t: Tensor.make(detached().array, [0]) }),
      "t cannot be sent to a thread as it is (Data"
    ],
    ["is a list of records with fields", () => Object.assign([{}], { own: 1 }), "fields of a list beside its elements"],
    ["holds one", () => ({ a: [[Object.assign([[1]], { own: 1 })]] }), "a[0][0] cannot be sent to a thread as it is"],
    [
      "has a getter that throws",
      () => ({
        a: {
          get b() {
            throw new Error("shy")
          }
        }
      }),
      "a.b cannot be sent to a thread as it is (Error: shy)"
    ],
    [
      "has a field of Furrow's own name",
      () => [{ "furrow/tensor": 0 }],
      '[0] cannot be sent to a thread as it is (TypeError: a field "furrow'
    ],
    [
      "refers to itself",
      () => {
        const own: Array<unknown> = []
        own.push({ own })
        return own
      },
      "it refers to itself"
    ]
  ])("%s: it stands as the error of its row", (_, own, reason) => {
    const sent = structuredClone(encodeSamples(2, (row) => (row === 0 ? { v: 0 } : own())))
    const sampleAt = decodeSamples(sent)
    expect(sampleAt(0)).toEqual({ v: 0 })
    expect(() => sampleAt(1)).toThrow(reason)
  })
})

test("a sample of a stream arrives as it is, and its getters are called once", () => {
  const parts = () => ({
    list: [1, undefined, { deep: [new Map([[1, { a: 2 }]])] }],
    when: new Date(5),
    part: Float64Array.of(1, 2).subarray(1)
  })
  const match = "abc".match(/b/u)
  const sample = {
    ...parts(),
    match,
    none: [],
    empty: new Uint8Array(0),
    tensor: tensor(),
    ["__proto__"]: 3,
    ...JSON.parse('{"__proto__":{"a":1}}')
  }
  let calls = 0
  Object.defineProperty(sample, "got", { enumerable: true, get: () => [++calls] })
  const sent = structuredClone(encodeSamples(1, () => sample))
  expect(calls).toBe(1)
  const arrived = decodeSamples(sent)(0) as typeof sample & { readonly got: unknown }
  expect(arrived.got).toEqual([1])
  expect(Object.keys(arrived)).toEqual(Object.keys(sample))
  expect(arrived.part.buffer.byteLength).toBe(8)
  expect({ ...arrived, got: 0 }).toEqual({ ...sample, got: 0 })
  expect([arrived.match?.index, arrived.match?.input]).toEqual([1, "abc"])
})

test("of samples that cannot be cloned, those that can are sent", () => {
  const odd = Object.assign([1], { own: () => 1 })
  const encoded = encodeSamples(3, (row) => [{ v: 0 }, odd, { v: 2 }][row])
  expect(() => structuredClone(encoded)).toThrow()
  const sampleAt = decodeSamples(structuredClone(clonedAlone(encoded)))
  expect([sampleAt(0), sampleAt(2)]).toEqual([{ v: 0 }, { v: 2 }])
  expect(() => sampleAt(1)).toThrow("a sample cannot be sent to a thread as it is (DataCloneError")
})
