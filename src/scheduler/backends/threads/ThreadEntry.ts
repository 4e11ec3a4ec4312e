/**
 * Where a thread begins.
 *
 * As it is installed, that is the package's `thread.js`. A bundle has no such file: its threads load the bundle itself,
 * and this module, which is part of it, starts the program in there.
 *
 * @since 0.1.0
 */
import { ownThread } from "../../../core/runtime.ts"
import * as GlobalMark from "../../../patches/GlobalMark.ts"

/** The mark by which a thread that loads a bundle says that it is one of Furrow's. */
const MARK = "thread"

const own = import.meta.url

/** Whether this module is part of a bundle: as it is installed, its file goes by its own name. @since 0.1.0 */
export const bundled: boolean = !/\/ThreadEntry\.[jt]s$/.test(own)

const INSIDE =
  "threads cannot be opened inside one of Furrow's threads, which load the bundle, too: guard the program by " +
  '`import { isMainThread } from "node:worker_threads"` and `if (isMainThread) { … }` (`bun build --target=node` makes ' +
  "import.meta.main true in every thread)"

/**
 * What a thread that builds the pipeline of `module` runs: a URL, or the text of a program.
 *
 * In a bundle the pipeline's module is loaded first, since it may be a bundle of its own, with its own copy of Furrow,
 * which then is the one that builds it. Where it has none, it is this bundle's. Throws in a thread that loads a bundle:
 * threads cannot be opened inside threads.
 *
 * @since 0.1.0
 */
export const threadProgram = (module: string): URL | string => {
  // In a bundle the program of a module that lacks its guard runs before the thread's own begins.
  if (GlobalMark.get(MARK) !== undefined) throw new Error(INSIDE)
  // The built package has one folder for all files.
  if (!bundled) return new URL(own.endsWith(".ts") ? "../../../thread.ts" : "./thread.js", own)
  const load = (url: string): string => `import(${JSON.stringify(url)})`
  const mark = GlobalMark.expression(MARK)
  return `${mark} = "wanted"; ${load(module)}.catch(() => {}).then(() => ${mark} === "wanted" && ${load(own)})`
}

if (GlobalMark.get(MARK) === "wanted" && ownThread() !== undefined) {
  GlobalMark.set(MARK, "started")
  void import("../../../thread.ts")
}
