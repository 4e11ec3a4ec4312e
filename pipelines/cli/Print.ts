/**
 * What a command says: results on stdout, all else on stderr.
 */
import { writeSync } from "node:fs"

/** Whether stdout is a terminal that wants colors (https://no-color.org). */
export const color = process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === ""

const isBroken = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "EPIPE"

let name = "furrow"

/** Names the command in what it says of stdout. */
export const call = (command: string): void => {
  name = command
}

/**
 * Ends the process where stdout takes nothing more. Whoever reads it may stop reading (`| head`): that is no failure. What
 * cannot be written for another reason (a full disk) is one: exit code 1, and one line that says so.
 */
const stopped = (error: unknown): never => {
  if (isBroken(error)) process.exit()
  const reason = error instanceof Error ? error.message : String(error)
  try {
    // At once: what is written as a stream may be lost when the process ends.
    writeSync(2, `${name}: stdout cannot be written: ${reason.trim()}\n`)
  } catch {
    // Nobody reads stderr either.
  }
  return process.exit(1)
}

process.stdout.on("error", stopped)
// Nobody is left to be told; the work goes on, and its result is on stdout.
process.stderr.on("error", () => undefined)

/** Prints a line. */
export const print = (line: string): void => {
  try {
    process.stdout.write(`${line}\n`)
  } catch (error) {
    stopped(error)
  }
}

/** Writes to stderr. */
export const tell = (text: string): void => {
  try {
    process.stderr.write(text)
  } catch {
    // As above.
  }
}
