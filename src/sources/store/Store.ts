/**
 * Stores: bytes by location and range, wherever data lies.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { given } from "../../core/Options.ts"
import { Store } from "./CurrentStore.ts"
import { fileDriver } from "./File.ts"
import { memoryDriver } from "./Memory.ts"
import { routed } from "./Routes.ts"
import type { Driver } from "./StoreService.ts"

export { Store } from "./CurrentStore.ts"
export { resolve } from "./FindObjects.ts"
export { StoreError, type StoreErrorKind } from "./StoreError.ts"
export type { Driver, Listed, ObjectInfo, StoreService } from "./StoreService.ts"

/** The layer that sends locations of `schemes` to a driver, and all others to the store that it is provided with. */
const layer = <E, R>(schemes: ReadonlyArray<string>, driver: Effect.Effect<Driver, E, R>): Layer.Layer<Store, E, R> =>
  Layer.effect(
    Store,
    Effect.gen(function* () {
      return routed(schemes, yield* driver, yield* Store)
    })
  )

/**
 * Local files, by their paths. They are served without a layer, too.
 *
 * @category layers
 * @since 0.1.0
 */
export const file: Layer.Layer<Store> = layer(["file"], Effect.succeed(fileDriver))

/**
 * Objects in memory, for tests: by name, as `memory://name`. A text is taken as UTF-8.
 *
 * @category layers
 * @since 0.1.0
 */
export const memory = (
  objects: Readonly<Record<string, Uint8Array | string>> = {}
): Layer.Layer<Store, InvalidOption> =>
  layer(
    ["memory"],
    checked(() => {
      given("the objects of Store.memory", objects, "a record of bytes and texts by name")
      for (const [name, content] of Object.entries(objects)) {
        if (typeof content === "string" || content instanceof Uint8Array) continue
        throw new InvalidOption({ option: `object ${name}`, value: content, expected: "a Uint8Array or a text" })
      }
      return memoryDriver(objects)
    })
  )

/**
 * A store of your own for a scheme, such as `gs`.
 *
 * @category layers
 * @since 0.1.0
 */
export const make = (scheme: string, driver: Driver): Layer.Layer<Store, InvalidOption> =>
  layer(
    [scheme],
    checked(() => {
      if (/^[a-z][a-z0-9+.-]+$/.test(scheme)) return driver
      const expected = "a scheme in lower case, of two characters or more, such as gs"
      throw new InvalidOption({ option: "the scheme of Store.make", value: scheme, expected })
    })
  )
