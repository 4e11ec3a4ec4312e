/**
 * Where a cluster keeps which runners there are: PostgreSQL, or a file of SQLite for the runners of one machine.
 *
 * @since 0.1.0
 */
import { resolve } from "node:path"
import * as Redacted from "effect/Redacted"
import { InvalidOption } from "../../core/InvalidOption.ts"

/** A database of SQLite in memory, of this process alone. @since 0.1.0 */
export const MEMORY = ":memory:"

/**
 * A database's address, checked. `shown` has no password and is what messages say. A `file` is an absolute path: messages then
 * say which folder a relative one was resolved against.
 *
 * @since 0.1.0
 */
export type Database =
  | { readonly kind: "postgres"; readonly url: Redacted.Redacted; readonly shown: string }
  | { readonly kind: "sqlite"; readonly file: string; readonly shown: string }

/** Schemes that may be quoted from a URL that is not a database's; anything else could be part of a password. */
const SCHEMES = ["postgres", "postgresql", "sqlite", "file", "mysql", "http", "https"]

const EXPECTED =
  "postgres://user:password@host:port/database, or sqlite:FILE for the runners of one machine; in a password / is %2F, # is %23 and % is %25"

/** Throws `InvalidOption`, without what may be a password. @since 0.1.0 */
export const databaseOf = (given: string | Redacted.Redacted): Database => {
  const text = Redacted.isRedacted(given) ? Redacted.value(given) : given
  if (typeof text !== "string") throw invalid("a value that is not a string")
  const path = /^(?:sqlite|file):(?:\/\/)?(.+)$/s.exec(text)?.[1]
  if (path !== undefined && !/^[a-z]+:\/\/[^/]*@/.test(text)) {
    const file = path === MEMORY ? path : resolve(path)
    return { kind: "sqlite", file, shown: `sqlite:${file}` }
  }
  // What stands before anything else may be a password, too.
  const scheme = SCHEMES.find((own) => text.toLowerCase().startsWith(`${own}:`)) ?? "a text"
  if (!/^postgres(?:ql)?:\/\//.test(text)) throw invalid(`${scheme}…`)
  const url = URL.parse(text)
  // Behind a / or a # that is not escaped stands what is left of a password.
  if (url === null || url.hostname === "" || url.hash !== "" || /@/.test(url.pathname) || !isDecodable(url)) {
    throw invalid(`${scheme}://…`)
  }
  const user = url.username === "" ? "" : `${url.username}@`
  return { kind: "postgres", url: Redacted.make(text), shown: `${scheme}://${user}${url.host}${url.pathname}` }
}

/** Whether PostgreSQL's client can read each part; it would try again and again. */
const isDecodable = ({ password, pathname, username }: URL): boolean => {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

const invalid = (value: string): InvalidOption => new InvalidOption({ option: "database", value, expected: EXPECTED })
