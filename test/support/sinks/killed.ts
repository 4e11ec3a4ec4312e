/**
 * A store in memory whose writes end as if the process had been killed at them: nothing of the object is there, or all of it
 * and nobody was told.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { memoryDriver } from "../../../src/sources/store/Memory.ts"
import { storeOf } from "../../../src/sources/store/Routes.ts"
import { Store, type StoreError, type StoreService } from "../../../src/sources/store/Store.ts"

export interface KilledStore {
  readonly store: StoreService
  /** How many writes there were. */
  readonly writes: () => number
  /** The write at which the next run is killed, counted from now, and whether its object is there; none for no kill. */
  readonly kill: (at: number | undefined, isThere?: boolean) => void
  /** The objects, as text or hexadecimal digits. */
  readonly objects: Effect.Effect<Readonly<Record<string, string>>, StoreError>
  readonly provided: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

export const killedStore = (): KilledStore => {
  const own = storeOf(memoryDriver({}))
  let writes = 0
  let end: { readonly at: number; readonly isThere: boolean } | undefined
  const store: StoreService = {
    ...own,
    write: (location, bytes) =>
      Effect.suspend(() => {
        const number = writes++
        if (end === undefined || number < end.at) return own.write(location, bytes)
        const killed = Effect.die(new Error("killed"))
        return number === end.at && end.isThere ? Effect.zipRight(own.write(location, bytes), killed) : killed
      })
  }
  const objects = Effect.gen(function* () {
    const found: Record<string, string> = {}
    for (const listed of Chunk.toReadonlyArray(yield* Stream.runCollect(own.list("memory://")))) {
      const info = yield* own.stat(listed)
      found[info.location] = Buffer.from(yield* own.read(info, 0, info.size)).toString("latin1")
    }
    return found
  })
  return {
    store,
    writes: () => writes,
    kill: (at, isThere = false) => {
      end = at === undefined ? undefined : { at: writes + at, isThere }
    },
    objects,
    provided: (effect) => Effect.provideService(effect, Store, store)
  }
}
