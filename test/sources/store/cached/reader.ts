/**
 * A process of its own that reads by a cache in an order of its own, and checks every byte: `reader.ts DIRECTORY BYTES SEED
 * READS`. It says `ready` with its first read, and `done` in the end.
 */
import { Effect, Layer } from "effect"
import { Store } from "../../../../src/index.ts"
import { bytesOf, far } from "../../../support/countingStore.ts"

export const SIZE = 300_000

const main = async ([directory = "", bytes = "", seed = "", reads = ""]: ReadonlyArray<string>): Promise<void> => {
  const own = far(SIZE)
  let state = Number(seed)
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  await Effect.runPromise(
    Effect.provide(
      Effect.gen(function* () {
        const store = yield* Store.Store
        for (let number = 0; number < Number(reads); number++) {
          const name = "abcdefgh"[draw(8)] ?? "a"
          const offset = draw(SIZE - 50_000)
          const info = yield* store.stat({ location: `far://${name}` })
          const got = yield* store.read(info, offset, 50_000)
          if (!Buffer.from(got).equals(bytesOf(name, 0, offset, offset + 50_000)))
            throw new Error(`wrong bytes of ${name}`)
          if (number === 0) process.stdout.write("ready\n")
        }
        process.stdout.write("done\n")
      }),
      Store.cached(directory, { bytes: Number(bytes), blockBytes: 2 ** 15, onFailure: "error" }).pipe(
        Layer.provide(own.layer)
      )
    )
  )
}

if (import.meta.main) await main(process.argv.slice(2))
