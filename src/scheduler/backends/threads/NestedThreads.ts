/**
 * Threads inside threads, which are refused: a module that opens threads at its top level would do so in each of its
 * threads, and each of those again.
 *
 * @since 0.1.0
 */
import * as GlobalMark from "../../../patches/GlobalMark.ts"

/** Marks this realm as one of Furrow's threads. `refused` is told when somebody opens threads in it. @since 0.1.0 */
export const markThread = (refused: (reason: string) => void): void => {
  GlobalMark.set("refused", refused)
}

/** Why threads cannot be opened here; `undefined` where they can. Tells the thread's owner, whoever swallows the error. @since 0.1.0 */
export const refuse = (): string | undefined => {
  const refused: unknown = GlobalMark.get("refused")
  if (typeof refused !== "function") return undefined
  refused(REASON)
  return REASON
}

/** What a thread's last words begin with that tell why it cannot serve. @since 0.1.0 */
export const REFUSED = "refused: "

/** The way out, on each runtime. @since 0.1.0 */
export const GUARD =
  "put the pipeline into a module of its own, or guard what is to run only once: `if (import.meta.main) { … }` on Bun, " +
  'Deno and Node 24.2 or later; `import { isMainThread } from "node:worker_threads"` and `if (isMainThread) { … }` on all'

const REASON =
  "it opened threads itself. A thread imports the pipeline's module, so what that module runs at its top level runs in " +
  `each thread, too: ${GUARD}`
