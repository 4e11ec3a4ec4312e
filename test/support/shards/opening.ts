/**
 * Opens the shards of a folder in a process of its own, and says how many it had to scan. With `hangs` it never gets to the end
 * of its first shard.
 */
import process from "node:process"
import * as Effect from "effect/Effect"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import * as Store from "../../../src/sources/store/Store.ts"

const [location = "", hangs] = process.argv.slice(2)

const opened = Effect.flatMap(Store.Store, (store) => {
  const read: Store.StoreService["read"] = (...args) => {
    if (hangs === undefined) return store.read(...args)
    console.log("scanning")
    // A timer, so that the process stays.
    return Effect.zipRight(Effect.sleep("1 hour"), store.read(...args))
  }
  return Effect.provideService(Dataset.open(location, { format: Format.jsonl(), name: "rows" }), Store.Store, {
    ...store,
    read
  })
})

const { sharded, size } = await Effect.runPromise(opened)
console.log(JSON.stringify({ scanned: sharded.scanned, size }))
