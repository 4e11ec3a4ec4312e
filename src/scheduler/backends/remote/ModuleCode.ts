/**
 * A hash of the source of a pipeline's module. A fingerprint does not cover what functions do, so without it a member of a
 * pool that has loaded another version of the module would silently build other batches.
 *
 * It covers the module's file and, transitively, the files that are imported by relative paths. Packages are not covered, nor
 * is Furrow itself.
 *
 * The files are read at once, although that blocks: they are few, and the runtime has just loaded them. Read by promises, they
 * kept threads from starting for half a second, as an event loop has few turns beside a consumer with long steps.
 *
 * @since 0.1.0
 */
import { filesAtOnce, sha256Stream } from "../../../core/runtime.ts"

/** @since 0.1.0 */
export interface ModuleCode {
  /** Depends on the content of the files and not on where they are. */
  readonly hash: string
  /** Whether all imports could be followed: computed and mapped ones, and files that are missing, cannot. */
  readonly isWhole: boolean
}

/** The most files that are looked at. */
const MOST_FILES = 1000

/** Where Furrow's own sources are, if they are run as such. */
const OWN = import.meta.url.endsWith("/src/scheduler/backends/remote/ModuleCode.ts")
  ? new URL("../../../", import.meta.url).href
  : undefined

/** The names of imports. Those in comments match, too, which costs no more than hashing another file. */
const IMPORTED = /\b(?:from|import|require)\s*\(?\s*(["'`])([^"'`\n]+)\1/g

/** An import whose name is computed. */
const COMPUTED = /\b(?:import|require)\s*\(\s*(?!["'])/

/** Names that `imports` or `paths` of a configuration map to files. */
const MAPPED = /^(?:[#~]|@\/)/

/** Endings that the path of an import may leave out, or replace by `.js`. */
const ENDINGS = [".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.js"]

/** Hashes the code of a module as it is now. Returns `undefined` if the module is not a readable file. @since 0.1.0 */
export const codeOf = (module: string): ModuleCode | undefined => {
  const seen = new Set([module])
  const hash = sha256Stream()
  let isWhole = true
  for (const url of seen) {
    const text = textOf(url)
    if (text === undefined) return undefined
    hash.update(`${text.length}\n${text}`)
    if (COMPUTED.test(text)) isWhole = false
    for (const [, , name = ""] of text.matchAll(IMPORTED)) {
      const file = /^(?:\.{0,2}\/|file:)/.test(name) ? fileOf(new URL(name, url).href) : undefined
      if (file === undefined) {
        if (MAPPED.test(name) || /^[./]/.test(name)) isWhole = false
      } else if (seen.size > MOST_FILES) isWhole = false
      else if (OWN === undefined || !file.startsWith(OWN)) seen.add(file)
    }
  }
  return { hash: hash.digest("hex"), isWhole }
}

const loaded = new Map<string, ModuleCode | undefined>()

/**
 * Returns the code of a module as it was at the first call in this process or thread, neither of which loads a module twice.
 * Call it when the module is loaded.
 *
 * @since 0.1.0
 */
export const loadedCode = (module: string): ModuleCode | undefined => {
  if (!loaded.has(module)) loaded.set(module, codeOf(module))
  return loaded.get(module)
}

const pathOf = (url: string): string => process.getBuiltinModule("node:url").fileURLToPath(url)

/** The text of a file; `undefined` if there is none. Only files are read: a name in a comment may be that of a device. */
const textOf = (url: string): string | undefined => {
  try {
    return isFile(url) ? filesAtOnce().readFileSync(pathOf(url), "utf8") : undefined
  } catch {
    return undefined
  }
}

const isFile = (url: string): boolean => {
  try {
    return url.startsWith("file:") && filesAtOnce().statSync(pathOf(url)).isFile()
  } catch {
    return false
  }
}

/** The file that is meant by a path. */
const fileOf = (url: string): string | undefined => {
  const stem = url.replace(/\.m?js$/, "")
  for (const file of [url, ...ENDINGS.map((ending) => stem + ending)]) {
    if (OWN !== undefined && file.startsWith(OWN)) return file
    if (isFile(file)) return file
  }
  return undefined
}
