/**
 * Copies of batches whose columns a collate function of the user's made: whatever it nests in them.
 */
import { describe, expect, test } from "bun:test"
import { Batch, Tensor } from "../../src/index.ts"

const batchOf = <C>(columns: C): Batch.Batch<C> => ({
  epoch: 1,
  index: 2,
  rank: 0,
  worker: 3,
  size: 2,
  indices: Float64Array.of(7, 8),
  columns
})

describe("a copy of a batch", () => {
  test("has numbers of its own, and all else as it was", () => {
    class Own {
      readonly name = "mine"
    }
    const own = new Own()
    const sparse: Array<unknown> = [1, undefined, own]
    delete sparse[1]
    const named: Record<string, unknown> = JSON.parse('{"__proto__":{"a":1},"b":2}') as Record<string, unknown> // a record
    const batch = batchOf({
      x: Tensor.make(Float32Array.of(1, 2, 3, 4), [2, 2]),
      raw: [Uint8Array.of(1), { deep: Int16Array.of(2) }],
      sparse,
      named,
      own,
      date: new Date(0),
      text: ["a", "b"]
    })
    const copy = Batch.copy(batch)
    expect(copy).toEqual(batch)
    expect(1 in copy.columns.sparse).toBe(false)
    expect(Object.keys(copy.columns.named)).toEqual(["__proto__", "b"])
    expect(copy.columns.own).toBe(own)
    expect(copy.columns.date).toBe(batch.columns.date)
    batch.indices.fill(0)
    batch.columns.x.data.fill(0)
    const [raw, { deep }] = batch.columns.raw as [Uint8Array, { deep: Int16Array }] // as they were made
    raw.fill(0)
    deep.fill(0)
    expect(Array.from(copy.indices)).toEqual([7, 8])
    expect(Array.from(copy.columns.x.data)).toEqual([1, 2, 3, 4])
    expect(copy.columns.raw).toEqual([Uint8Array.of(1), { deep: Int16Array.of(2) }])
  })

  test("has what was added to it", () => {
    const batch = { ...batchOf({}), children: Float64Array.of(1), weights: Tensor.make(Float32Array.of(1), [1]) }
    const copy = Batch.copy(batch)
    const { children, weights } = copy as typeof batch // it has the fields of what it is a copy of
    batch.children.fill(0)
    batch.weights.data.fill(0)
    expect([...children, ...weights.data]).toEqual([1, 1])
  })

  test("refers to itself where the batch does", () => {
    interface Node {
      readonly data: Float64Array
      readonly all: Array<Node>
      self?: Node
    }
    const node: Node = { data: Float64Array.of(1), all: [] }
    node.self = node
    node.all.push(node, node)
    const copy = Batch.copy(batchOf({ node, same: node.data })).columns
    expect(copy.node).not.toBe(node)
    expect(copy.node.self).toBe(copy.node)
    expect(copy.node.all[0]).toBe(copy.node)
    expect(copy.node.all[1]).toBe(copy.node)
    expect(copy.node.data).not.toBe(node.data)
    // One copy of what occurs twice.
    expect(copy.same).toBe(copy.node.data)
  })

  test("is as deep as the batch is", () => {
    interface Deep {
      readonly at: Uint32Array
      readonly below: ReadonlyArray<Deep>
    }
    let deepest: Deep = { at: Uint32Array.of(0), below: [] }
    for (let level = 1; level < 50_000; level++) deepest = { at: Uint32Array.of(level), below: [deepest] }
    let levels = 0
    for (let own: Deep | undefined = Batch.copy(batchOf(deepest)).columns; own !== undefined; own = own.below[0]) {
      levels++
      expect(own.at[0]).toBe(50_000 - levels)
    }
    expect(levels).toBe(50_000)
  })
})
