/**
 * Contestants with a process of their own: it is told a line when it is its turn, works, and answers with a line. It
 * waits in between, so it can take turns with contestants that live here, and its garbage is its own.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import type { Contestant } from "../measure.ts"

/** A program that says a line of JSON when it is ready, and answers `{"units": n}` to each line; it ends with its input. */
export const inProcess = (name: string, command: string, args: ReadonlyArray<string>): Contestant => {
  let child: ChildProcessByStdio<Writable, Readable, null> | undefined
  let answers: AsyncIterator<string> | undefined
  const answer = async (): Promise<Readonly<Record<string, unknown>>> => {
    const next = await answers?.next()
    if (next === undefined || next.done === true) throw new Error(`${name} ended before it answered`)
    return JSON.parse(next.value) // a line of the program's, which prints objects alone
  }
  const turn = async (): Promise<number> => {
    child?.stdin.write("\n")
    return Number((await answer())["units"])
  }
  return {
    name,
    warmup: 1,
    // A process that has waited for the others has given memory back, and takes some epochs to be as fast as it was.
    before: async () => {
      await turn()
    },
    open: async () => {
      child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] })
      answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      await answer()
    },
    run: turn,
    close: async () => {
      const own = child
      child = undefined
      if (own === undefined || own.exitCode !== null) return
      const ended = new Promise((resolve) => own.once("close", resolve))
      own.stdin.end()
      await ended
    }
  }
}
