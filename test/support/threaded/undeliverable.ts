/** A pipeline whose batch 2 cannot be sent to another thread, for one of many reasons. */

import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Tensor from "../../../src/wasm/Tensor.ts"

const boom = (): never => {
  throw new Error("boom")
}

const detached = (): Float32Array => {
  const data = new Float32Array(4)
  structuredClone(data.buffer, { transfer: [data.buffer] })
  return data
}

const cyclic = (): unknown => {
  const value: Record<string, unknown> = {}
  value["self"] = value
  return value
}

class Boxes {
  readonly count = 1
}

class OwnTensor extends Tensor.Tensor {}

const values: Readonly<Record<string, () => unknown>> = {
  function: () => () => 1,
  symbol: () => Symbol("odd"),
  "record with a function": () => ({ deep: [{ run: () => 1 }] }),
  cycle: cyclic,
  "cyclic list": () => {
    const list: Array<unknown> = []
    list.push({ list })
    return list
  },
  promise: () => Promise.resolve(1),
  getter: () => Object.defineProperty({}, "odd", { get: boom, enumerable: true }),
  proxy: () => new Proxy({}, { ownKeys: boom }),
  "proxy of a list": () => new Proxy([1], { get: boom }),
  "revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  "detached array": detached,
  "detached tensor": () => {
    const data = new Float32Array(4)
    const tensor = Tensor.make(data, [4])
    structuredClone(data.buffer, { transfer: [data.buffer] })
    return tensor
  },
  WeakMap: () => new WeakMap(),
  "instance of a class": () => new Boxes(),
  "list of instances": () => [new Boxes()],
  "subclass of Tensor": () => new OwnTensor(Float64Array.of(1), [1]),
  "subclass of Map": () => new (class extends Map {})(),
  "tensor in a Map": () => new Map([["t", Tensor.make(Float64Array.of(1), [1])]]),
  "tensor in a Set": () => new Set([[Tensor.make(Float64Array.of(1), [1])]]),
  "key that is a symbol": () => ({ [Symbol.for("own")]: 1 }),
  deep: () => {
    let value: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) value = { value }
    return value
  }
}

export const names = Object.keys(values)

/** Batch 2 has the value that `which` says, by its place in `names`. */
export const pipeline = (which: SharedArrayBuffer) => {
  const at = new Int32Array(which)
  const own = () => values[names[Atomics.load(at, 0)] ?? ""]?.()
  return Pipeline.from(Dataset.range(12)).pipe(
    Pipeline.batchWith(2, ([first = 0]) => ({ sound: new Float32Array(2), own: first === 4 ? own() : 1 }))
  )
}
