/**
 * A user's own module for `prepare`: it exports `filter`, `map` or both, which are called in this order.
 */
import * as Effect from "effect/Effect"
import { InvalidResult, pending, silence } from "../../src/core/InvalidResult.ts"
import { short } from "../../src/core/Parameters.ts"
import { codeOf } from "../../src/scheduler/backends/remote/ModuleCode.ts"
import { imported, urlOf } from "../cli/Imported.ts"
import { Usage } from "../cli/Main.ts"

export interface Module {
  readonly filter: ((row: unknown) => boolean) | undefined
  readonly map: ((row: unknown) => unknown) | undefined
  /** A hash of the module's text, and of the files that it imports by relative paths: another module is another run. */
  readonly hash: string
}

/** What is written of a row, or `leftOut` for one that is not. Throws what the module throws, and where it returns no boolean. */
export const writtenBy =
  <A>({ filter, map }: Pick<Module, "filter" | "map">, leftOut: A) =>
  (row: unknown): unknown => {
    const isKept = filter === undefined || filter(row)
    if (typeof isKept !== "boolean") throw new TypeError("a filter returns true or false")
    if (!isKept) return leftOut
    return map === undefined ? row : map(row)
  }

/** A row is what is returned: a promise would be compared and written in its place. That is no fault of a row's. */
const plain =
  <A>(own: (row: unknown) => A) =>
  (row: unknown): A => {
    const returned = own(row)
    const what = pending(returned)
    if (what === undefined) return returned
    silence(returned)
    throw new InvalidResult({
      what: `returned ${what}`,
      expected: "the functions of --module must be plain functions, which do not wait"
    })
  }

/** Loads a module by its path. Fails with one line when it cannot be loaded or exports neither. */
export const load = (path: string): Effect.Effect<Module, Usage> =>
  Effect.gen(function* () {
    const code = codeOf(urlOf(path))
    if (code === undefined) {
      return yield* new Usage({
        message: `--module ${JSON.stringify(path)} is no file that can be read: is its name whole, with its ending?`
      })
    }
    const { filter, map } = yield* imported(`--module ${JSON.stringify(path)}`, path)
    const isFit = (value: unknown): boolean => value === undefined || typeof value === "function"
    if (!isFit(filter) || !isFit(map) || (filter === undefined && map === undefined)) {
      const message = `--module ${JSON.stringify(path)} must export functions: filter, map or both`
      return yield* new Usage({ message })
    }
    const hash = short(code.hash)
    // They are functions; what they take and return shows when they are called.
    const own = { filter, map, hash } as Module
    return { hash, filter: own.filter && plain(own.filter), map: own.map && plain(own.map) }
  })
