/**
 * A user's own module, by its path.
 */
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import { Usage } from "./Main.ts"

/** Where the module of a path is imported from. */
export const urlOf = (path: string): string => pathToFileURL(resolve(path)).href

/** Imports a module; `what` names it as the command line does. Fails with one line if it cannot be loaded. */
export const imported = (what: string, path: string): Effect.Effect<Readonly<Record<string, unknown>>, Usage> =>
  Effect.tryPromise({
    // A namespace is a record of its exports.
    try: (): Promise<Readonly<Record<string, unknown>>> => import(urlOf(path)),
    catch: (cause) => {
      const [line = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
      return new Usage({ message: `${what} cannot be loaded: ${line}` })
    }
  })
