/**
 * What a command says on stdout.
 */

/** Whether stdout is a terminal that wants colours (https://no-color.org). */
export const colour = process.stdout.isTTY === true && (process.env["NO_COLOR"] ?? "") === ""

/** Whoever reads our output may stop reading (`| head`): that is no failure, and nothing is left to be said. */
const stopped = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "EPIPE"

process.stdout.on("error", (error) => {
  if (!stopped(error)) throw error
  process.exit()
})

/** Prints a line. */
export const print = (line: string): void => {
  try {
    process.stdout.write(`${line}\n`)
  } catch (error) {
    if (!stopped(error)) throw error
    process.exit()
  }
}
