/**
 * Where a cluster keeps which runners there are: PostgreSQL, or a file of SQLite for the runners of one machine.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import { InvalidOption } from "../../core/InvalidOption.ts"

/** A database's address, checked. `shown` has no password and is what messages say. @since 0.1.0 */
export type Database =
  | { readonly kind: "postgres"; readonly url: Redacted.Redacted; readonly shown: string }
  | { readonly kind: "sqlite"; readonly file: string; readonly shown: string }

const EXPECTED = "postgres://user:password@host:port/database, or sqlite:FILE for the runners of one machine"

/** Throws `InvalidOption`, without what may be a password. @since 0.1.0 */
export const databaseOf = (given: string | Redacted.Redacted): Database => {
  const text = Redacted.isRedacted(given) ? Redacted.value(given) : given
  if (typeof text !== "string") throw invalid("a value that is no text")
  const file = /^(?:sqlite|file):(?:\/\/)?(.+)$/s.exec(text)?.[1]
  if (file !== undefined) return { kind: "sqlite", file, shown: `sqlite:${file}` }
  const scheme = /^[a-z]+/i.exec(text)?.[0] ?? "a text"
  if (!/^postgres(?:ql)?:\/\//.test(text)) throw invalid(`${scheme}…`)
  const url = URL.parse(text)
  if (url === null || url.hostname === "") throw invalid(`${scheme}://…`)
  const user = url.username === "" ? "" : `${url.username}@`
  return { kind: "postgres", url: Redacted.make(text), shown: `${scheme}://${user}${url.host}${url.pathname}` }
}

const invalid = (value: string): InvalidOption => new InvalidOption({ option: "database", value, expected: EXPECTED })
