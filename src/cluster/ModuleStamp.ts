/**
 * What the code of a module is: a runner builds the batches of a loader that has the same code alone, and threads that have
 * loaded it may build another run only as long as it has not changed.
 *
 * Looked at are the module's file and the files that it imports by relative paths, and these, and so on. Packages are taken
 * as they were when the process started, and so is Furrow itself.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import * as Effect from "effect/Effect"

/** The most files that are looked at. */
const MOST_FILES = 1000

/** Where Furrow's own sources are, if they are run as such. */
const OWN = import.meta.url.endsWith("/src/cluster/ModuleStamp.ts") ? new URL("../", import.meta.url).href : undefined

/** What is imported, wherever that stands: also in a comment, which costs a look at a file. */
const IMPORTED = /\b(?:from|import|require)\s*\(?\s*(["'`])([^"'`\n]+)\1/g

/** An import of what is not known before it runs. */
const COMPUTED = /\b(?:import|require)\s*\(\s*(?!["'])/

/** Names that are no package's: they are mapped to files elsewhere. */
const MAPPED = /^(?:[#~]|@\/)/

/** What may be left out of a relative path, or stand there in the place of what the file is called. */
const ENDINGS = [".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.js"]

/**
 * A text that is another one once the code is, and the same wherever it lies; `undefined` if it cannot be told, since the
 * module is no file, or imports what its text does not say.
 *
 * @since 0.1.0
 */
export const stampOf = (module: string): Effect.Effect<string | undefined> =>
  Effect.promise(async () => {
    const seen = new Set([module])
    const hash = createHash("sha256")
    for (const url of seen) {
      const text = await textOf(url)
      if (text === undefined || COMPUTED.test(text) || seen.size > MOST_FILES) return undefined
      hash.update(`${text.length}\n${text}`)
      for (const [, , name = ""] of text.matchAll(IMPORTED)) {
        if (MAPPED.test(name)) return undefined
        if (!/^(?:\.{0,2}\/|file:)/.test(name)) continue
        const file = await fileOf(new URL(name, url).href)
        if (file === undefined) return undefined
        if (OWN === undefined || !file.startsWith(OWN)) seen.add(file)
      }
    }
    return hash.digest("hex")
  })

/** The text of a file; `undefined` if there is none. */
const textOf = (url: string): Promise<string | undefined> =>
  url.startsWith("file:") ? readFile(new URL(url), "utf8").catch(() => undefined) : Promise.resolve(undefined)

/** The file that is meant by a path. */
const fileOf = async (url: string): Promise<string | undefined> => {
  const stem = url.replace(/\.m?js$/, "")
  for (const file of [url, ...ENDINGS.map((ending) => stem + ending)]) {
    if (OWN !== undefined && file.startsWith(OWN)) return file
    if ((await textOf(file)) !== undefined) return file
  }
  return undefined
}
