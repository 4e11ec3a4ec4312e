/**
 * Stores of several schemes as one: a location goes to the store of its scheme.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { schemeOf, shownInvalid } from "./Location.ts"
import { StoreError } from "./StoreError.ts"
import type { Driver, Listed, ObjectInfo, StoreService } from "./StoreService.ts"

/** What one `read` of a stream asks for. */
const PART = 4 * 2 ** 20

/** The bytes of an object in order, by reads of parts, of which some are under way ahead. @since 0.1.0 */
export const inParts =
  (read: StoreService["read"], part = PART, ahead = 2): StoreService["stream"] =>
  (info, offset = 0) =>
    Stream.range(0, Math.max(0, Math.ceil((info.size - offset) / part)) - 1).pipe(
      Stream.mapEffect(
        (number) => {
          const from = offset + number * part
          return read(info, from, Math.min(part, info.size - from))
        },
        { concurrency: ahead }
      )
    )

/** A driver as a store. @since 0.1.0 */
export const storeOf = (driver: Driver): StoreService => ({ ...driver, stream: driver.stream ?? inParts(driver.read) })

/** The store that sends locations of `schemes` to `driver`, and all others to `rest`. @since 0.1.0 */
export const routed = (schemes: ReadonlyArray<string>, driver: Driver, rest: StoreService): StoreService => {
  const own = storeOf(driver)
  const of = (location: string): StoreService => (schemes.includes(schemeOf(location)) ? own : rest)
  return dispatched(of)
}

/** The store that asks, for each location, which store serves it. @since 0.1.0 */
export const dispatched = (of: (location: string) => StoreService): StoreService => ({
  list: (folder, depth) => of(folder).list(folder, depth),
  stat: (object) => of(object.location).stat(object),
  read: (info, offset, length) => of(info.location).read(info, offset, length),
  stream: (info, offset) => of(info.location).stream(info, offset),
  write: (location, bytes) => of(location).write(location, bytes),
  remove: (object) => Effect.suspend(() => removeFrom(of(object.location), object))
})

/** Removes an object. Fails with kind `unsupported` if its store cannot. @since 0.1.0 */
export const removeFrom = (
  { remove }: Pick<StoreService, "remove">,
  object: Listed
): Effect.Effect<void, StoreError> => {
  const reason = "its store cannot remove objects"
  return remove?.(object) ?? Effect.fail(new StoreError({ location: object.location, kind: "unsupported", reason }))
}

/** What to do about a scheme that no store serves. */
const advice: Readonly<Record<string, string>> = {
  memory: "provide Store.memory({ name: bytes })",
  gs: 'provide one by Store.make("gs", …), or take signed https: addresses of the objects',
  ftp: "fetch it first"
}

const none = (location: string): StoreError => {
  const scheme = schemeOf(location)
  const way =
    advice[scheme] ?? `provide one by Store.make("${scheme}", …), or take a path, an http(s), an s3 or an hf location`
  const reason = `no store serves ${scheme}: locations; ${way}. Of several layers provide each to the next: Layer.provide`
  // `user:password@host` is a location of the scheme `user:` to us.
  return new StoreError({ location: shownInvalid(location), kind: "unsupported", reason })
}

/** The store of no location: each is an error that says which store is missing. @since 0.1.0 */
export const nothing: StoreService = {
  list: (folder) => Stream.fail(none(folder)),
  stat: ({ location }) => Effect.fail(none(location)),
  read: ({ location }) => Effect.fail(none(location)),
  stream: ({ location }) => Stream.fail(none(location)),
  write: (location) => Effect.fail(none(location))
}

/** Fails unless the range lies within the object. @since 0.1.0 */
export const within = (info: ObjectInfo, offset: number, length: number): StoreError | undefined => {
  const isSound = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
  if (isSound && offset + length <= info.size) return undefined
  const reason = `bytes ${offset} to ${offset + length} were asked for, and it has ${info.size}`
  return new StoreError({ location: info.location, kind: "short", reason })
}
