/**
 * Lines of compressed shards that are one member, in their order: what cannot be sought, and is prepared so that it can.
 */
import { Readable } from "node:stream"
import * as zlib from "node:zlib"
import { Effect, Stream } from "effect"
import { Dataset, Store } from "../../src/index.ts"

/** Longer lines are an error. */
const LONGEST = 2 ** 26

const decompressor = (location: string) => (/\.gz$/i.test(location) ? zlib.createGunzip() : zlib.createZstdDecompress())

const lines = async function* (location: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true })
  const unpack = decompressor(location)
  const source = Readable.from(bytes)
  source.on("error", (error) => unpack.destroy(error))
  let rest = ""
  try {
    for await (const chunk of source.pipe(unpack)) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = parts.pop() ?? ""
      if (rest.length > LONGEST) throw new Error(`a line has more than ${LONGEST} characters`)
      for (const part of parts) if (part.trim() !== "") yield part
    }
    rest += decoder.decode()
    if (rest.trim() !== "") yield rest
  } finally {
    source.destroy()
    unpack.destroy()
  }
}

/** The lines of the shards, one shard behind the other. */
export const inOrder = (inputs: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = yield* Store.Store
    const found = yield* Store.resolve(inputs)
    const infos = yield* Effect.forEach(found, (listed) => store.stat(listed), { concurrency: 8 })
    const all = async function* (): AsyncGenerator<string> {
      for (const info of infos) yield* lines(info.location, Stream.toAsyncIterable(store.stream(info)))
    }
    return Dataset.fromStream(all, {
      name: inputs.join(", "),
      parameters: { shards: infos.map(({ location, size }) => `${location} ${size}`) }
    })
  })
