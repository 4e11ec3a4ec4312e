/**
 * From what a user calls their data to its objects: paths, folders, wildcards, braces, lists.
 *
 * @since 0.1.0
 */

import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { plural } from "../../core/Plural.ts"
import { Store } from "./CurrentStore.ts"
import { hasPassword, located, schemeOf, shown, shownInvalid } from "./Location.ts"
import { braced, type Pattern, patternOf } from "./Pattern.ts"
import { StoreError } from "./StoreError.ts"
import { type Listed, NOWHERE, REAL, type StoreService } from "./StoreService.ts"

/** Up to so many locations, each is looked up, in case it is a folder that was written without its `/`. */
const LOOKED_AT = 256

/**
 * The objects that locations stand for. A list keeps its order; what a folder or wildcards stand for is ordered by name.
 *
 * | location | what it stands for |
 * |---|---|
 * | `data/a.jsonl`, `file:///data/a.jsonl`, `https://host/a`, `memory://a` | one object |
 * | `data/` | all objects below the folder, but for names that begin with `.` or `_` |
 * | `data/*.jsonl`, `data/**\/part-[0-9]?.csv` | those that match; not over HTTP, which has no listing |
 * | `data/{train,test}-{00000..00099}.tar` | each name in turn |
 * | `hf://datasets/ORG/NAME[@revision][/folder or file or split]` | files of a dataset on the Hub |
 *
 * The `/` of a folder can be left out, but not in lists of more than 256 locations, nor after braces. Fails with
 * `InvalidOption` for an object that is named twice, also by two spellings of its path, and with `StoreError`, kind `missing`, where nothing is found.
 *
 * @example
 * import { Effect } from "effect"
 * import { Store } from "furrow"
 *
 * const found = await Effect.runPromise(
 *   Store.resolve("memory://part-{0..1}.txt").pipe(Effect.provide(Store.memory({ "part-0.txt": "a", "part-1.txt": "b" })))
 * )
 * console.assert(found.map(({ location }) => location).join() === "memory://part-0.txt,memory://part-1.txt")
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  locations: string | ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Listed>, StoreError | InvalidOption> => found(locations, (objects) => objects)

/**
 * Which of the objects of a folder are taken. `hidden` are those whose own name begins with `.`, in folders that are not left out:
 * none of them can be taken.
 *
 * @since 0.1.0
 */
export type Chosen = (objects: ReadonlyArray<Listed>, hidden: ReadonlyArray<Listed>) => ReadonlyArray<Listed>

/** The objects that locations stand for, and of each folder those that are chosen. @since 0.1.0 */
export const found = (
  locations: string | ReadonlyArray<string>,
  chosen: Chosen
): Effect.Effect<ReadonlyArray<Listed>, StoreError | InvalidOption> =>
  Effect.gen(function* () {
    const given = yield* checked(() => textsOf(locations))
    const store = yield* Store
    const isLookedAt = given.length <= LOOKED_AT
    const objects: Array<Listed> = []
    for (const text of given) {
      const patterns = yield* checked(() => patternsOf(text))
      for (const pattern of patterns) {
        const isAlone = isLookedAt && patterns.length === 1
        if (typeof pattern === "string" && !pattern.endsWith("/") && !isAlone) objects.push(located(pattern))
        else objects.push(...(yield* Effect.mapError(objectsAt(store, text, pattern, chosen), ofBraces)))
      }
    }
    yield* once(objects)
    return objects
  })

const objectsAt = (store: StoreService, text: string, pattern: string | Pattern, chosen: Chosen) => {
  if (typeof pattern !== "string") return matching(store, text, pattern)
  return pattern.endsWith("/") ? inFolder(store, pattern, chosen) : objectOrFolder(store, pattern, chosen)
}

/** Says of a path that is not there what has become of its braces, if it was taken out of a URL. */
const ofBraces = (error: StoreError): StoreError => {
  const { cause, kind, location, reason } = error
  if (kind !== "missing" || schemeOf(location) !== "file" || !/%7[bd]/i.test(location)) return error
  const braces = "%7B and %7D are braces that a URL escapes: join the path to import.meta.dirname, or decode it"
  return new StoreError({ location, kind, reason: `${reason}; ${braces}`, cause })
}

const textsOf = (locations: string | ReadonlyArray<string>): ReadonlyArray<string> => {
  const all: ReadonlyArray<unknown> = Array.isArray(locations) ? locations : [locations]
  return all.map((own) => {
    if (typeof own === "string" && own !== "" && !own.includes("\0")) return own
    throw new InvalidOption({ option: "a location", value: own, expected: "a path, an address, or a list of these" })
  })
}

/** What a location stands for: paths and patterns, without its braces. Throws `InvalidOption`. @since 0.1.0 */
export const patternsOf = (text: string): ReadonlyArray<string | Pattern> => {
  if (hasPassword(text)) {
    const expected = "without a user and a password: give them by Store.http({ headers }), or Store.s3({ credentials })"
    throw new InvalidOption({ option: "a location", value: "…", expected })
  }
  if (/^file:/i.test(text)) return [pathOf(text)]
  const scheme = schemeOf(text)
  // In an address of HTTP `?` begins the query, and brackets stand for themselves.
  if (scheme !== "http" && scheme !== "https") return braced(text).map(patternOf)
  const user = /^https?:\/\/[^/?#]*@/i.test(text)
  if (user) {
    const expected = "without a user and a password: give them by Store.http({ headers })"
    throw new InvalidOption({ option: "a location", value: shown(text), expected })
  }
  if (/^[^?#]*\*/.test(text)) {
    const expected = "without *, as HTTP has no listing: name the objects, such as part-{00000..00099}.jsonl"
    throw new InvalidOption({ option: "a location", value: shown(text), expected })
  }
  return braced(text)
}

const pathOf = (url: string): string => {
  try {
    return process.getBuiltinModule("node:url").fileURLToPath(url)
  } catch {
    throw new InvalidOption({
      option: "a location",
      value: shownInvalid(url),
      expected: "a path, or a file: URL such as file:///data"
    })
  }
}

/** Whether a path below a folder has a part that listings of folders leave out. @since 0.1.0 */
export const isHidden = (name: string): boolean =>
  name.split("/").some((part) => part.startsWith(".") || part.startsWith("_"))

const byLocation = (a: Listed, b: Listed): number => (a.location < b.location ? -1 : a.location > b.location ? 1 : 0)

/** What is in a folder and taken; how many objects it has; and links that lead nowhere, where folders may have been. */
interface Looked {
  readonly taken: Array<Listed>
  readonly count: number
  readonly gone: Array<string>
}

/** Of a file that links lead to, too, the first path that is taken: its own path is listed before those of links. */
const look = (
  objects: Stream.Stream<Listed, StoreError>,
  isTaken: (object: Listed) => boolean
): Effect.Effect<Looked, StoreError> =>
  Effect.suspend(() => {
    const taken: Array<Listed> = []
    const gone: Array<string> = []
    const seen = new Set<string>()
    let count = 0
    const one = (object: Listed): void => {
      count++
      if (!isTaken(object)) {
        if (object[NOWHERE] === "file or folder") gone.push(object.location)
        return
      }
      const real = object[REAL]
      if (real !== undefined && seen.has(real)) return
      if (real !== undefined) seen.add(real)
      taken.push(object)
    }
    const looked = Stream.runForEachChunk(objects, (chunk) => Effect.sync(() => Chunk.forEach(chunk, one)))
    return Effect.map(looked, () => ({ taken: taken.sort(byLocation), count, gone }))
  })

const warnOfGone = (gone: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.forEach(
    gone,
    (link) =>
      Effect.logWarning(`${link} is a link that leads nowhere: if it led to a folder of the data, that is left out`),
    { discard: true }
  )

const inFolder = (
  store: StoreService,
  folder: string,
  chosen: Chosen
): Effect.Effect<ReadonlyArray<Listed>, StoreError> =>
  Effect.gen(function* () {
    const hidden: Array<Listed> = []
    const isSeen = (object: Listed): boolean => {
      const name = object.location.slice(folder.length)
      if (!isHidden(name)) return true
      const at = name.lastIndexOf("/") + 1
      if (name[at] === "." && (at === 0 || !isHidden(name.slice(0, at - 1)))) hidden.push(object)
      return false
    }
    const { count, taken } = yield* look(store.list(folder), isSeen)
    const own = chosen(taken, hidden)
    if (taken.length === 0 && own.length === 0) {
      return yield* count === 0
        ? missing(folder, "there is nothing in this folder; check the location")
        : nothingIn(folder)
    }
    const gone = taken.filter((object) => object[NOWHERE] !== undefined && !own.includes(object))
    yield* warnOfGone(gone.map(({ location }) => location))
    return own
  })

/** That a folder has nothing that is looked at. @since 0.1.0 */
export const nothingIn = (folder: string): StoreError =>
  missing(folder, "there is nothing in this folder but names that begin with . or _; check the location")

const matching = (store: StoreService, text: string, { depth, folder, matches }: Pattern) =>
  Effect.gen(function* () {
    const { count, gone, taken } = yield* look(store.list(folder, depth), ({ location }) => matches(location))
    yield* warnOfGone(gone.filter((link) => !isHidden(link.slice(folder.length))))
    if (taken.length > 0) return schemeOf(text) === "file" ? taken.map(asPath) : taken
    const looked = `${plural(count, "object")} in ${folder === "" ? "this folder" : shown(folder)}`
    return yield* missing(text, `nothing matches, of ${looked}; a backslash takes a wildcard's meaning from it`)
  })

/** A file that was found by a relative path, such as `s3:x`, which by itself is an address. */
const asPath = (object: Listed): Listed =>
  schemeOf(object.location) === "file" ? object : { ...object, location: `./${object.location}` }

const objectOrFolder = (
  store: StoreService,
  address: string,
  chosen: Chosen
): Effect.Effect<ReadonlyArray<Listed>, StoreError> =>
  Effect.catchIf(
    Effect.map(store.stat(located(address)), (info): ReadonlyArray<Listed> => [info]),
    ({ kind }) => kind === "missing" || kind === "unsupported",
    (error) =>
      // If it is no folder, either, or one that is not there, the object's own error says more.
      Effect.mapError(inFolder(store, `${address}/`, chosen), (own) =>
        own.kind === "unsupported" || (own.kind === "missing" && (error.kind === "missing" || own.cause !== undefined))
          ? error
          : own
      )
  )

const missing = (location: string, reason: string): StoreError =>
  new StoreError({ location: shown(location), kind: "missing", reason })

/** A path that is written in no other way: from the root, without `.`, `..` and empty parts. */
const PLAIN = /^\/(?!.*\/(?:\/|\.\.?(?:\/|$)))/

/** The same text for all spellings of a path. */
const oneSpelling = (location: string): string =>
  schemeOf(location) !== "file" || PLAIN.test(location)
    ? location
    : process.getBuiltinModule("node:path").resolve(location)

const once = (found: ReadonlyArray<Listed>): Effect.Effect<void, InvalidOption> => {
  const seen = new Map<string, string>()
  for (const { location } of found) {
    const own = oneSpelling(location)
    const other = seen.get(own)
    if (other !== undefined) {
      const as = other === location ? "" : ` (it is ${other}, too)`
      const expected = `named once among the locations${as}: leave one out, or mix datasets to have it more often`
      return Effect.fail(new InvalidOption({ option: "an object", value: location, expected }))
    }
    seen.set(own, location)
  }
  return Effect.void
}
