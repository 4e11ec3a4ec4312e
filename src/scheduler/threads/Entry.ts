/**
 * Where a thread begins.
 *
 * As it is installed, that is the package's `thread.js`. A bundle has no such file: its threads load the bundle itself,
 * and this module, which is part of it, starts the program in there.
 *
 * @since 0.1.0
 */
import { ownThread } from "../../runtime.ts"

/** The key of `globalThis` under which a thread that loads a bundle says that it is one of Furrow's. */
const KEY = Symbol.for("furrow/thread")

const own = import.meta.url

/** Whether the file at `url`, which holds this module, is a bundle. */
const isBundle = (url: string): boolean => !/\/scheduler\/threads\/Entry\.[jt]s$/.test(url)

/** Whether this is part of a bundle. @since 0.1.0 */
export const bundled: boolean = isBundle(own)

/**
 * What a thread that builds the pipeline of `module` runs: a URL, or the text of a program.
 *
 * In a bundle the pipeline's module is loaded first, since it may be a bundle of its own, with its own copy of Furrow,
 * which then is the one that builds it. Where it has none, it is this bundle's.
 *
 * @since 0.1.0
 */
export const entry = (module: string, here: string = own): URL | string => {
  if (!isBundle(here)) return new URL(`../../thread${here.slice(-3)}`, here)
  const load = (url: string): string => `import(${JSON.stringify(url)})`
  const key = `globalThis[Symbol.for(${JSON.stringify(Symbol.keyFor(KEY))})]`
  return `${key} = "wanted"; ${load(module)}.catch(() => {}).then(() => ${key} === "wanted" && ${load(here)})`
}

if (ownThread() !== undefined && Reflect.get(globalThis, KEY) === "wanted") {
  Reflect.set(globalThis, KEY, "started")
  void import("../../thread.ts")
}
