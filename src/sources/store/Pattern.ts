/**
 * Locations with braces and wildcards, as shells write them: `{train,test}`, `{00000..00099}`, `*`, `**`, `?`, `[0-9]`. A
 * backslash makes the next character literal.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"

/** More locations than this are not written out of braces. */
const MOST = 10_000_000

const RANGE = /^(-?\d+)\.\.(-?\d+)$/

/**
 * The locations that a text with braces stands for, in the order in which it names them. `{0..9}` counts; where an end
 * begins with a zero, all numbers are as wide as the wider end. Braces without a comma or a range stand for themselves.
 * Throws `InvalidOption` for more than ten million.
 *
 * @since 0.1.0
 */
export const braced = (text: string): ReadonlyArray<string> => {
  const group = firstGroup(text)
  if (group === undefined) return [text]
  const [open, close, parts] = group
  // Most have one range.
  const range = RANGE.exec(parts[0] ?? "")
  if (range !== null && parts.length === 1 && firstGroup(text.slice(close + 1)) === undefined) {
    const [start, end] = [text.slice(0, open), text.slice(close + 1)]
    return counted(range[1] ?? "", range[2] ?? "").map((own) => `${start}${own}${end}`)
  }
  const before = text.slice(0, open)
  const rest = braced(text.slice(close + 1))
  const all: Array<string> = []
  for (const part of parts) {
    for (const own of RANGE.test(part) ? [part] : braced(part)) {
      const numbers = RANGE.exec(own)
      for (const middle of numbers === null || parts.length > 1 ? [own] : counted(numbers[1] ?? "", numbers[2] ?? "")) {
        if (all.length + rest.length > MOST) {
          throw new InvalidOption({ option: "a location", value: text, expected: `at most ${MOST} names in braces` })
        }
        for (const end of rest) all.push(`${before}${middle}${end}`)
      }
    }
  }
  return all
}

/** The first braces that stand for several texts: where they open and close, and what is between the commas. */
const firstGroup = (text: string): readonly [number, number, ReadonlyArray<string>] | undefined => {
  for (let open = 0; open < text.length; open++) {
    if (text[open] === "\\") open++
    else if (text[open] === "{") {
      const group = groupAt(text, open)
      if (group !== undefined) return group
    }
  }
  return undefined
}

const groupAt = (text: string, open: number): readonly [number, number, ReadonlyArray<string>] | undefined => {
  const parts: Array<string> = []
  let depth = 0
  let start = open + 1
  for (let at = open; at < text.length; at++) {
    const character = text[at]
    if (character === "\\") at++
    else if (character === "{") depth++
    else if (character === "," && depth === 1) {
      parts.push(text.slice(start, at))
      start = at + 1
    } else if (character === "}" && --depth === 0) {
      parts.push(text.slice(start, at))
      return parts.length > 1 || RANGE.test(parts[0] ?? "") ? [open, at, parts] : undefined
    }
  }
  return undefined
}

const counted = (from: string, to: string): ReadonlyArray<string> => {
  const isPadded = /^-?0\d/.test(from) || /^-?0\d/.test(to)
  const width = isPadded ? Math.max(digits(from), digits(to)) : 0
  const first = Number(from)
  const last = Number(to)
  const count = Math.abs(last - first) + 1
  if (count > MOST) {
    throw new InvalidOption({
      option: "a location",
      value: `{${from}..${to}}`,
      expected: `at most ${MOST} names in braces`
    })
  }
  const step = first <= last ? 1 : -1
  return Array.from({ length: count }, (_, place) => {
    const number = first + step * place
    return `${number < 0 ? "-" : ""}${String(Math.abs(number)).padStart(width, "0")}`
  })
}

const digits = (number: string): number => number.replace("-", "").length

/** A location with wildcards. @since 0.1.0 */
export interface Pattern {
  /** The folder, up to and with its `/`, that all that matches lies below. */
  readonly folder: string
  /** How many parts of the path the wildcards can match, beyond the folder; Infinity for `**`. */
  readonly depth: number
  readonly matches: (location: string) => boolean
}

/** The text without its backslashes, where it has no wildcard; else its pattern. @since 0.1.0 */
export const patternOf = (text: string): string | Pattern => {
  if (!/[\\*?[]/.test(text)) return text
  let literal = ""
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === "\\" && at + 1 < text.length) literal += text[++at]
    else if (character === "*" || character === "?" || (character === "[" && classAt(text, at) !== undefined)) {
      const slash = literal.lastIndexOf("/") + 1
      const regular = regularOf(text)
      const rest = text.slice(at)
      return {
        folder: literal.slice(0, slash),
        depth: rest.includes("**") ? Number.POSITIVE_INFINITY : rest.split("/").length,
        matches: (location) => regular.test(location)
      }
    } else literal += character
  }
  return literal
}

/** Names that begin with a dot are matched by a dot alone, as in a shell. */
const NO_DOT = "(?!(?<![^/])\\.)"

const regularOf = (text: string): RegExp => {
  let source = ""
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? ""
    if (character === "\\" && at + 1 < text.length) source += escaped(text[++at] ?? "")
    else if (character === "*") {
      if (text[at + 1] !== "*") source += `${NO_DOT}[^/]*`
      else {
        while (text[at + 1] === "*") at++
        // `**/` stands for no folder, too.
        if (text[at + 1] === "/") {
          source += `(?:${NO_DOT}[^/]*/)*`
          at++
        } else source += `(?:${NO_DOT}[^/]*/)*${NO_DOT}[^/]*`
      }
    } else if (character === "?") source += `${NO_DOT}[^/]`
    else if (character === "[") {
      const end = classAt(text, at)
      if (end === undefined) source += "\\["
      else {
        const inside = text.slice(at + 1, end)
        const isNot = /^[!^]/.test(inside)
        source += `${NO_DOT}(?!/)[${isNot ? "^" : ""}${inside.slice(isNot ? 1 : 0).replace(/[\\\]^[&~|]/g, "\\$&")}]`
        at = end
      }
    } else source += escaped(character)
  }
  return new RegExp(`^${source}$`, "su")
}

/** Where the set of characters that begins here ends, if one begins here. A range must ascend, else it stands for itself. */
const classAt = (text: string, open: number): number | undefined => {
  const first = /[!^]/.test(text[open + 1] ?? "") ? open + 2 : open + 1
  const end = text.indexOf("]", first + 1)
  if (end < 0 || text.slice(open, end).includes("/")) return undefined
  const inside = text.slice(first, end)
  for (let at = 1; at + 1 < inside.length; at++) {
    if (inside[at] === "-" && (inside[at - 1] ?? "") > (inside[at + 1] ?? "")) return undefined
  }
  return end
}

const escaped = (character: string): string =>
  character.replace(/[\\^$.*+?()[\]{}|/-]/g, (own) => (own === "-" || own === "/" ? own : `\\${own}`))
