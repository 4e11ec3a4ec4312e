/**
 * The names that a text of JavaScript or TypeScript imports. A parser for all that a module may be written in (types, JSX) would
 * be a dependency of a megabyte; here comments, strings, templates and regular expressions are passed over, which is enough to
 * tell an import from a text that reads like one.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export interface ModuleImports {
  /** As they are written, in their order. */
  readonly names: ReadonlyArray<string>
  /** Whether these are all: names that are computed are not among them. */
  readonly isWhole: boolean
}

/** Where something begins that has to be looked at. */
const STOP = /["'`{}]|\/[/*]?|(?<![\w$#]|(?<!\.\.)\.)(?:from|import|require)(?![\w$])/g

/** A word after which a slash begins a regular expression, and does not divide. */
const BEFORE_VALUE = /(?:^|[^\w$.])(?:await|case|delete|do|else|in|instanceof|new|of|return|throw|typeof|void|yield)$/

/** The names in a text that cannot be followed to its end: also those in comments and strings. */
const LOOSE = /\b(?:from|import|require)\s*\(?\s*(["'`])([^"'`\n]+)\1/g

/** Returns what a text imports: `import`, `export … from`, `import()` and `require()`. @since 0.1.0 */
export const importsOf = (code: string): ModuleImports =>
  read(code) ?? { names: Array.from(code.matchAll(LOOSE), ([, , name = ""]) => name), isWhole: false }

/** Returns `undefined` if the text ends within a comment or a template: something of it was misread. */
const read = (code: string): ModuleImports | undefined => {
  const names: Array<string> = []
  let isWhole = true
  /** How many braces are open; and how many were where each template was left for an expression. */
  let depth = 0
  const templates: Array<number> = []
  let at = 0
  for (;;) {
    STOP.lastIndex = at
    const found = STOP.exec(code)
    if (found === null) return templates.length === 0 ? { names, isWhole } : undefined
    const [token] = found
    const from = found.index
    at = from + token.length
    if (token === "{") depth++
    else if (token === '"' || token === "'") at = endOfText(code, at, token)
    else if (token === "`" || token === "}") {
      if (token === "}" && templates.at(-1) !== depth) depth--
      else {
        if (token === "}") templates.pop()
        at = endOfTemplate(code, at)
        if (at > code.length) return undefined
        if (code[at - 1] === "{") templates.push(depth)
      }
    } else if (token === "//" || token === "/*") {
      // A regular expression is never empty, so that two slashes are a comment.
      at = endOfGap(code, from)
      if (at > code.length) return undefined
    } else if (token === "/") {
      if (isValueAt(code, from)) at = endOfExpression(code, at)
    } else {
      const named = nameAfter(code, at, token)
      if (named === undefined) continue
      at = named.at
      if (named.name === undefined) isWhole = false
      else names.push(named.name)
    }
  }
}

/**
 * The name after `from`, `import` or `require`, and where the text goes on; without a name where it is computed. `undefined` if
 * this is no import.
 */
const nameAfter = (
  code: string,
  from: number,
  word: string
): { readonly name: string | undefined; readonly at: number } | undefined => {
  let at = endOfGap(code, from)
  const isCall = word !== "from" && code[at] === "("
  if (isCall) at = endOfGap(code, at + 1)
  else if (word === "require") return undefined
  const quote = code[at]
  if (quote === '"' || quote === "'" || (quote === "`" && isCall)) {
    const end = quote === "`" ? endOfTemplate(code, at + 1) : endOfText(code, at + 1, quote)
    const name = code.slice(at + 1, end - 1)
    const isAll = code[end - 1] === quote && !name.includes("\\")
    if (isAll && (!isCall || /[,)]/.test(code[endOfGap(code, end)] ?? ""))) return { name, at: end }
  } else if (!isCall) return undefined
  // The argument is read once more, as any other text.
  return { name: undefined, at }
}

/** Behind blanks and comments; beyond the end of the text if a comment does not end. */
const endOfGap = (code: string, from: number): number => {
  for (let at = from; ; ) {
    while (/\s/.test(code[at] ?? "")) at++
    if (code.startsWith("//", at)) {
      const end = code.indexOf("\n", at)
      if (end === -1) return code.length
      at = end
    } else if (code.startsWith("/*", at)) {
      const end = code.indexOf("*/", at + 2)
      if (end === -1) return code.length + 1
      at = end + 2
    } else return at
  }
}

/** The place of the next of some characters that is not escaped; the length of the text if there is none. */
const next = (code: string, from: number, some: RegExp): number => {
  for (let at = from; ; ) {
    some.lastIndex = at
    const found = some.exec(code)
    if (found === null) return code.length
    if (found[0] !== "\\") return found.index
    at = found.index + 2
  }
}

/** Behind a string, which ends with its line at the latest: an apostrophe in JSX does not begin one. */
const endOfText = (code: string, from: number, quote: '"' | "'"): number =>
  next(code, from, quote === '"' ? /["\\\n]/g : /['\\\n]/g) + 1

/** Behind a part of a template, up to its end or to an expression in it; beyond the end of the text if it does not end. */
const endOfTemplate = (code: string, from: number): number => {
  const at = next(code, from, /`|\$\{|\\/g)
  return code[at] === "$" ? at + 2 : at + 1
}

/** Behind a regular expression, which does not go beyond its line; where it does, the slash was another one. */
const endOfExpression = (code: string, from: number): number => {
  let isClass = false
  for (let at = from; ; ) {
    const end = next(code, at, /[/[\]\n\\]/g)
    const token = code[end]
    if (token === undefined || token === "\n") return from
    if (token === "/" && !isClass) return end + 1
    if (token !== "/") isClass = token === "["
    at = end + 1
  }
}

/** Whether a value can begin at a place, so that a slash there does not divide. */
const isValueAt = (code: string, place: number): boolean => {
  let at = place
  while (at > 0 && /\s/.test(code[at - 1] ?? "")) at--
  const before = code.slice(Math.max(0, at - 12), at)
  return before === "" || !/[\w$)\]"'`]$/.test(before) || BEFORE_VALUE.test(before)
}
