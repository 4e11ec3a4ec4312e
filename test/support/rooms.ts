/**
 * The test files by room, and for Deno a file for each room that imports them one by one: a file of its own takes Deno an
 * isolate, and over half a second of processor time to load effect and the sources into it, of which a room needs one.
 *
 * Files of a room share modules and globals then, as all files do on Bun. `deno test test/` runs the same files alone.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { join, sep } from "node:path"
import { pathToFileURL } from "node:url"

/**
 * How many milliseconds a test may take unless it says otherwise. Bun's own 5 s are not enough for those that start threads on
 * a machine with two busy cores.
 */
export const TEST_LIMIT = 20_000

/** Rooms whose folders are rooms of their own. */
const DIVIDED: ReadonlySet<string> = new Set(["scheduler"])

/** All test files below a folder, by room: by the first name of their path. In the order of names. */
export const rooms = (folder: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" })
  const found = new Map<string, Array<string>>()
  for (const file of all.map((path) => path.split(sep).join("/")).toSorted()) {
    if (!file.endsWith(".test.ts")) continue
    const room = roomOf(file)
    const known = found.get(room)
    if (known === undefined) found.set(room, [file])
    else known.push(file)
  }
  return found
}

const roomOf = (file: string): string => {
  const [first = "", second = "", ...rest] = file.split("/")
  if (second === "") return "test"
  return DIVIDED.has(first) && rest.length > 0 ? `${first}-${second}` : first
}

/** Writes a file for each room below `folder` into `into`; returns their paths by room. */
export const writeRooms = (folder: string, into: string): ReadonlyMap<string, string> => {
  mkdirSync(into, { recursive: true })
  const shim = pathToFileURL(join(folder, "support", "bun-test.ts"))
  const written = [...rooms(folder)].map(([room, files]): readonly [string, string] => {
    const path = join(into, `${room}.test.ts`)
    const lines = files.map((file) => {
      const url = pathToFileURL(join(folder, file))
      return `await file(${JSON.stringify(file.replace(".test.ts", ""))}, () => import(${JSON.stringify(url)}))`
    })
    writeFileSync(path, `import { file } from ${JSON.stringify(shim)}\n\n${lines.join("\n")}\n`)
    return [room, path]
  })
  return new Map(written)
}
