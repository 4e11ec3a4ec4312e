/** A store of one scheme, `far`, that makes its bytes, counts its reads, and can change its objects. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Store } from "../../src/index.ts"

export interface Far {
  readonly layer: Layer.Layer<Store.Store, unknown>
  /** What was read: name, offset and length. */
  readonly reads: Array<string>
  /** The number that objects are made of; a change of it changes them all. */
  generation: number
  /** What each read waits for. */
  delay: Effect.Effect<void>
}

/** The byte at a place of an object. */
export const byteAt = (name: string, generation: number, place: number): number =>
  (place * 31 + (place >>> 8) * 7 + (name.codePointAt(0) ?? 0) + generation) & 255

export const bytesOf = (name: string, generation: number, from: number, to: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: to - from }, (_, place) => byteAt(name, generation, from + place))

export const far = (size: number): Far => {
  const nameOf = (location: string): string => location.slice("far://".length)
  const own: Far = {
    reads: [],
    generation: 0,
    delay: Effect.void,
    layer: Store.make("far", {
      list: () => Stream.empty,
      stat: (object) => Effect.sync(() => ({ ...object, size, version: `"${own.generation}"` })),
      read: ({ location, version }, offset, length) =>
        Effect.suspend(() => {
          own.reads.push(`${nameOf(location)} ${offset} ${length}`)
          const { generation } = own
          if (version !== `"${generation}"`) {
            return Effect.fail(new Store.StoreError({ location, kind: "changed", reason: "it is another one" }))
          }
          return Effect.as(own.delay, bytesOf(nameOf(location), generation, offset, offset + length))
        }),
      write: (location) => Effect.fail(new Store.StoreError({ location, kind: "unsupported", reason: "far is read" }))
    })
  }
  return own
}
