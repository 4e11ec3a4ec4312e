/**
 * Drivers that are made when the first location is theirs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { HttpReads } from "./Http.ts"
import { inParts, removeFrom } from "./Routes.ts"
import type { StoreError } from "./StoreError.ts"
import type { Driver } from "./StoreService.ts"

type Closing = Driver & Partial<Pick<HttpReads, "close">>

/** The driver that `make` gives, which is run once unless it fails. @since 0.1.0 */
export const lazyDriver = (make: Effect.Effect<Closing, StoreError>): Driver & Pick<HttpReads, "close"> => {
  let driver: Closing | undefined
  const own: Effect.Effect<Closing, StoreError> = Effect.suspend(() =>
    driver === undefined
      ? Effect.map(make, (made) => {
          // Of two that were made at once the first one stays.
          driver ??= made
          return driver
        })
      : Effect.succeed(driver)
  )
  return {
    list: (folder, depth) => Stream.unwrap(Effect.map(own, ({ list }) => list(folder, depth))),
    stat: (object) => Effect.flatMap(own, ({ stat }) => stat(object)),
    read: (info, offset, length) => Effect.flatMap(own, ({ read }) => read(info, offset, length)),
    stream: (info, offset) =>
      Stream.unwrap(Effect.map(own, ({ read, stream }) => (stream ?? inParts(read))(info, offset))),
    write: (location, bytes) => Effect.flatMap(own, ({ write }) => write(location, bytes)),
    remove: (object) => Effect.flatMap(own, (driver) => removeFrom(driver, object)),
    close: Effect.suspend(() => driver?.close ?? Effect.void)
  }
}
