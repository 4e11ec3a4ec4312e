/**
 * What a user is to do about an optional package that is not installed.
 *
 * @since 0.1.0
 */
import { runtime } from "./runtime.ts"

const installing = { bun: ["bun add", " "], deno: ["deno add", " npm:"], node: ["npm install", " "] } as const

/** The command that installs packages on this runtime. @since 0.1.0 */
export const installCommand = (...names: ReadonlyArray<string>): string => {
  const [command, before] = installing[runtime.name]
  return command + names.map((name) => before + name).join("")
}

/** Whether this is an executable of `bun build --compile`: its modules lie in a file system of Bun's own. */
const isExecutable = /\/(?:\$bunfs|~BUN)\//.test(import.meta.url)

/** What else an executable needs to find packages; otherwise empty. @since 0.1.0 */
export const executableAdvice = isExecutable
  ? ", in the folder that this executable is started in, and build it with --compile-autoload-package-json"
  : ""
