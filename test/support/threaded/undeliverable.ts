/** Pipelines whose batch 2 cannot be sent to another thread, each for a reason of its own. */
import { Dataset, Pipeline, Tensor } from "../../../src/index.ts"

const columns = (own: () => unknown) =>
  Pipeline.from(Dataset.range(12)).pipe(
    Pipeline.batchWith(2, ([first = 0]) => ({ sound: new Float32Array(2), own: first === 4 ? own() : 1 }))
  )

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

export const undeliverable = {
  function: columns(() => () => 1),
  symbol: columns(() => Symbol("odd")),
  "record with a function": columns(() => ({ deep: [{ run: () => 1 }] })),
  cycle: columns(cyclic),
  "cyclic list": columns(() => {
    const list: Array<unknown> = []
    list.push({ list })
    return list
  }),
  promise: columns(() => Promise.resolve(1)),
  getter: columns(() => Object.defineProperty({}, "odd", { get: boom, enumerable: true })),
  proxy: columns(() => new Proxy({}, { ownKeys: boom })),
  "proxy of a list": columns(() => new Proxy([1], { get: boom })),
  "revoked proxy": columns(() => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }),
  "detached array": columns(detached),
  "detached tensor": columns(() => {
    const data = new Float32Array(4)
    const tensor = Tensor.make(data, [4])
    structuredClone(data.buffer, { transfer: [data.buffer] })
    return tensor
  }),
  WeakMap: columns(() => new WeakMap()),
  deep: columns(() => {
    let value: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) value = { value }
    return value
  })
}

export const pipeline = (name: keyof typeof undeliverable) => undeliverable[name]
