/**
 * What the code of a pipeline's module is. What a function does stands in no fingerprint, so a member of a pool that has
 * loaded another version of the module would build other batches, and nothing else would tell.
 *
 * Looked at are the module's file and the files that it imports by relative paths, and these, and so on. Packages are taken
 * as they are, and so is Furrow itself.
 *
 * @since 0.1.0
 */
import { files, sha256Stream } from "../../../core/runtime.ts"

/** @since 0.1.0 */
export interface ModuleCode {
  /** The same wherever the files lie, and another one once one of them is. */
  readonly hash: string
  /** Whether it is all of the code: not if something is imported that the text of a file does not say, or that is not there. */
  readonly isWhole: boolean
}

/** The most files that are looked at. */
const MOST_FILES = 1000

/** Where Furrow's own sources are, if they are run as such. */
const OWN = import.meta.url.endsWith("/src/scheduler/backends/remote/ModuleCode.ts")
  ? new URL("../../../", import.meta.url).href
  : undefined

/** What is imported, wherever that stands: also in a comment, which costs a look at a file. */
const IMPORTED = /\b(?:from|import|require)\s*\(?\s*(["'`])([^"'`\n]+)\1/g

/** An import of what is not known before it runs. */
const COMPUTED = /\b(?:import|require)\s*\(\s*(?!["'])/

/** Names that are no package's: they are mapped to files elsewhere. */
const MAPPED = /^(?:[#~]|@\/)/

/** What may be left out of a relative path, or stand there in the place of what the file is called. */
const ENDINGS = [".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.js"]

/** The code of a module as it is now; `undefined` if the module is no file that can be read here. @since 0.1.0 */
export const codeOf = async (module: string): Promise<ModuleCode | undefined> => {
  const seen = new Set([module])
  const hash = sha256Stream()
  let isWhole = true
  for (const url of seen) {
    const text = await textOf(url)
    if (text === undefined) return undefined
    hash.update(`${text.length}\n${text}`)
    if (COMPUTED.test(text)) isWhole = false
    for (const [, , name = ""] of text.matchAll(IMPORTED)) {
      const file = /^(?:\.{0,2}\/|file:)/.test(name) ? await fileOf(new URL(name, url).href) : undefined
      if (file === undefined) {
        if (MAPPED.test(name) || /^[./]/.test(name)) isWhole = false
      } else if (seen.size > MOST_FILES) isWhole = false
      else if (OWN === undefined || !file.startsWith(OWN)) seen.add(file)
    }
  }
  return { hash: hash.digest("hex"), isWhole }
}

const loaded = new Map<string, Promise<ModuleCode | undefined>>()

/**
 * The code of a module as it was when this process, or this thread, first asked: neither loads a module twice. So ask when
 * it is loaded.
 *
 * @since 0.1.0
 */
export const loadedCode = (module: string): Promise<ModuleCode | undefined> => {
  const known = loaded.get(module)
  if (known !== undefined) return known
  const own = codeOf(module)
  loaded.set(module, own)
  return own
}

const pathOf = (url: string): string => process.getBuiltinModule("node:url").fileURLToPath(url)

/** The text of a file; `undefined` if there is none. */
const textOf = async (url: string): Promise<string | undefined> => {
  try {
    return url.startsWith("file:") ? await files().readFile(pathOf(url), "utf8") : undefined
  } catch {
    return undefined
  }
}

/** The file that is meant by a path. */
const fileOf = async (url: string): Promise<string | undefined> => {
  const stem = url.replace(/\.m?js$/, "")
  for (const file of [url, ...ENDINGS.map((ending) => stem + ending)]) {
    if (OWN !== undefined && file.startsWith(OWN)) return file
    if ((await textOf(file)) !== undefined) return file
  }
  return undefined
}
