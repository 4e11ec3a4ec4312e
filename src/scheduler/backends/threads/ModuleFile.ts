/**
 * The file of the module that exports the pipeline.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { files } from "../../../core/runtime.ts"
import { BackendError } from "../BackendError.ts"
import { loadedCode } from "../remote/ModuleCode.ts"

/** The folders in which a program of one file keeps its modules. */
const PACKED = /\$bunfs|~BUN|deno-compile/

/**
 * Fails if a module is not there, as far as that is seen without an import: the file of a `file:` URL. Whoever has it to move
 * to threads later is told when the run opens, and not hours later.
 *
 * @since 0.1.0
 */
export const notMissing = (module: string): Effect.Effect<void, BackendError> => {
  const url = new URL(module)
  if (url.protocol !== "file:" || PACKED.test(url.pathname)) return Effect.void
  return Effect.flatMap(
    Effect.promise(() => isThere(url)),
    (there) => {
      if (there) return Effect.void
      const reason =
        'there is no such file: give import.meta.resolve("./digits.ts"), relative to the module that says it'
      return Effect.fail(new BackendError({ backend: "threads", module, reason }))
    }
  )
}

/** When this process began, in milliseconds since 1970; taken early, since its clock may stand still while a machine sleeps. */
const BEGAN = Date.now() - 1000 * process.uptime()

/**
 * Fails if a module, or a file that it imports, was changed after this process began and before its code was first looked at:
 * what this process builds may then be of other code than what threads would build, which load the files as they are now.
 *
 * @since 0.1.0
 */
export const notChanged = (module: string): Effect.Effect<void, BackendError> =>
  Effect.suspend(() => {
    const code = loadedCode(module)
    if (code === undefined || code.newest.at <= BEGAN) return Effect.void
    const reason =
      `${code.newest.file} was changed after this process began, so threads could run other code than this process has ` +
      "loaded: restart it, or, if it writes the file itself, use Workers.threads or the option threads of furrow"
    return Effect.fail(new BackendError({ backend: "threads", module, reason }))
  })

/** As a text: the types of URL differ between runtimes. */
const pathOf = ({ href }: URL): string => process.getBuiltinModule("node:url").fileURLToPath(href)

/** Whether an import could find it: by its name, or by one with an extension that the runtime adds. */
const isThere = async (url: URL): Promise<boolean> => {
  const { readdir, stat } = files()
  try {
    return (await stat(pathOf(url))).isFile()
  } catch (error) {
    // What may not be looked at may be there.
    if (!(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")))
      return true
    const name = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf("/") + 1))
    const all = await readdir(pathOf(new URL(".", url))).catch((): Array<string> => [])
    return all.some((other) => other.startsWith(`${name}.`))
  }
}
