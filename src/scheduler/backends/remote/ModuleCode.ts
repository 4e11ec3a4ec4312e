/**
 * Hashes of the source of a pipeline's module. A fingerprint does not cover what functions do, so without them a member of a
 * pool that has loaded another version of the module would silently build other batches.
 *
 * They cover the module's file and, transitively, the files that are imported by relative paths. Packages are not covered, nor
 * is Furrow itself.
 *
 * The files are read at once, although that blocks: they are few, and the runtime has just loaded them. Read by promises, they
 * kept threads from starting for half a second, as an event loop has few turns beside a consumer with long steps.
 *
 * @since 0.1.0
 */
import { filesAtOnce, sha256Stream } from "../../../core/runtime.ts"
import { importsOf } from "./ModuleImports.ts"

/** @since 0.1.0 */
export interface ModuleCode {
  /**
   * 16 hexadecimal digits for each file, the module's own first. They depend on the content of the files, and not on where these
   * are, on the ends of lines or on a byte order mark.
   */
  readonly hash: string
  /** The files, by URL, in the order of their hashes. */
  readonly files: ReadonlyArray<string>
  /** Whether all imports could be followed: computed and mapped ones, and files that are missing or large, cannot. */
  readonly isWhole: boolean
  /** The file that was changed, or put in its place, last, and when, in milliseconds since 1970. */
  readonly newest: { readonly file: string; readonly at: number }
}

/** The most files that are looked at; the most bytes that one of them and all of them may have. Beyond, sizes are compared. */
const MOST_FILES = 1000
const MOST_BYTES = 2 ** 24
const MOST_BYTES_IN_ALL = 2 ** 26

/** Where Furrow's own sources are, if they are run as such. */
const OWN = import.meta.url.endsWith("/src/scheduler/backends/remote/ModuleCode.ts")
  ? new URL("../../../", import.meta.url).href
  : undefined

/** What an import that is code, or is compiled into it, ends with. Others are data: a program may write them as it runs. */
const CODE = /\.(?:[cm]?[jt]sx?|jsonc?|wasm|txt|toml|ya?ml)$/
const SCRIPT = /\.[cm]?[jt]sx?$/
const BINARY = /\.wasm$/

/** Names that `imports` or `paths` of a configuration map to files. */
const MAPPED = /^(?:[#~]|@\/)/

/** Endings that the path of an import may leave out, or replace by `.js`. */
const ENDINGS = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", "/index.ts", "/index.js"]

/** Hashes the code of a module as it is now. Returns `undefined` if the module is not a readable file. @since 0.1.0 */
export const codeOf = (module: string): ModuleCode | undefined => {
  const seen = new Set([module])
  const found: Array<string> = []
  const hashes: Array<string> = []
  let isWhole = true
  let newest = { file: module, at: Number.NEGATIVE_INFINITY }
  let left = MOST_BYTES_IN_ALL
  for (const url of seen) {
    const source = sourceOf(url, Math.min(MOST_BYTES, left))
    if (source === undefined) {
      if (url === module) return undefined
      isWhole = false
      continue
    }
    const { at, size, text } = source
    found.push(url)
    if (at > newest.at) newest = { file: url, at }
    hashes.push(
      sha256Stream()
        .update(text ?? `${size} bytes`)
        .digest("hex")
        .slice(0, 16)
    )
    if (text === undefined) {
      isWhole = false
      continue
    }
    left -= size
    if (url !== module && !SCRIPT.test(pathOf(url))) continue
    const imports = importsOf(text)
    isWhole &&= imports.isWhole
    for (const name of imports.names) {
      const file = /^(?:\.{0,2}\/|file:)/.test(name) ? fileOf(name, url) : undefined
      if (file === undefined) {
        if (MAPPED.test(name) || /^(?:[./]|file:)/.test(name)) isWhole = false
      } else if (seen.size > MOST_FILES) isWhole = false
      else if (OWN === undefined || !file.startsWith(OWN)) seen.add(file)
    }
  }
  return { hash: hashes.join(" "), files: found, isWhole, newest }
}

/** The first file of a module whose code is not that of the other side's hash, whatever that side has sent. @since 0.1.0 */
export const differingFile = ({ files: [module = "", ...rest], hash }: ModuleCode, other: string): string => {
  const others = String(other).split(" ")
  // Files before it are equal, and so are their imports: the same place is the same file.
  const place = hash.split(" ").findIndex((own, at) => own !== others[at])
  return rest[place - 1] ?? module
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

/**
 * What a file holds, without its text if it has more than `most` bytes; `undefined` if it cannot be read. Only files are read: a
 * name may be that of a device.
 */
const sourceOf = (
  url: string,
  most: number
): { readonly text: string | undefined; readonly size: number; readonly at: number } | undefined => {
  try {
    const { ctimeMs, mtimeMs, size } = statOf(url)
    // Many ways to replace a file by another one keep its time of modification, such as `mv` and `rsync --times`.
    const at = Math.max(ctimeMs, mtimeMs)
    if (size > most) return { text: undefined, size, at }
    const bytes = filesAtOnce().readFileSync(pathOf(url))
    if (BINARY.test(pathOf(url))) return { text: bytes.toString("latin1"), size, at }
    return {
      text: bytes
        .toString("utf8")
        .replace(/^\uFEFF/, "")
        .replaceAll("\r\n", "\n"),
      size,
      at
    }
  } catch {
    return undefined
  }
}

/** Throws if it is not a file. */
const statOf = (url: string) => {
  if (!url.startsWith("file:")) throw new TypeError("not a file")
  const own = filesAtOnce().statSync(pathOf(url))
  if (!own.isFile()) throw new TypeError("not a file")
  return own
}

const isFile = (url: string): boolean => {
  try {
    statOf(url)
    return true
  } catch {
    return false
  }
}

/** The file that is meant by the name of an import, if it is one of code. */
const fileOf = (name: string, from: string): string | undefined => {
  if (!URL.canParse(name, from)) return undefined
  const { href: url } = new URL(name, from)
  const stem = url.replace(/\.[cm]?jsx?$/, "")
  for (const file of [url, ...ENDINGS.map((ending) => stem + ending)]) {
    if (OWN !== undefined && file.startsWith(OWN)) return file
    if (isFile(file)) return CODE.test(pathOf(file)) ? file : undefined
  }
  return undefined
}
