/**
 * Who holds a lock that is a file, and whether that program is still there.
 *
 * @since 0.1.0
 */
import { entropy, isMainThread, machine, processNumber, processStart } from "./runtime.ts"

/** What a lock says of its holder. @since 0.1.0 */
export interface Holder {
  readonly pid: number
  readonly started: string
  readonly machine: string
  /**
   * The start of the program: `bun --watch` and `deno run --watch` start it again in the same process. A thread's is not known
   * to others.
   */
  readonly program?: string
}

const PROGRAM: unique symbol = Symbol.for("furrow/Program")

/** All copies of this module that a program has loaded are of one start. */
const program = (): string | undefined => {
  if (!isMainThread()) return undefined
  // Any property may be defined on it.
  const all = globalThis as { [PROGRAM]?: string }
  all[PROGRAM] ??= entropy().toString(16)
  return all[PROGRAM]
}

/** This program as a holder. @since 0.1.0 */
export const thisHolder = (): Holder => {
  const pid = processNumber()
  const own = program()
  const here = { pid, started: processStart(pid), machine: machine().name }
  return own === undefined ? here : { ...here, program: own }
}

/** Whether a holder is there; `undefined` where only its heartbeat can tell. @since 0.1.0 */
export const isThere = ({ machine: on, pid, program: of, started }: Partial<Holder>): boolean | undefined => {
  const here = machine()
  if (!here.known || on !== here.name || typeof pid !== "number" || pid < 1) return undefined
  const now = processStart(pid)
  if (now === "gone") return false
  if (now === "unknown" || started === "unknown") return undefined
  if (now !== started) return false
  const own = program()
  return pid !== processNumber() || of === undefined || own === undefined || of === own
}
