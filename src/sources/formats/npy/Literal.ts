/**
 * The part of Python's literals that NumPy writes into headers: text, whole numbers, True and False, tuples, lists and
 * dictionaries.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export type Literal = string | number | boolean | ReadonlyArray<Literal> | ReadonlyMap<Literal, Literal>

/** Lists deeper than this are not what NumPy writes. */
const DEEPEST = 16

/** A text, a number (Python 2 wrote `10L`), a word, or a sign, with the white space before it. */
const TOKEN = /\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(-?\d+)L?|(True|False)|([()[\]{},:]))/y

/** A token: a value, or a sign. */
type Token = { readonly value: string | number | boolean } | { readonly sign: string }

/** Returns the value of a literal; `undefined` if the text is not a literal. @since 0.1.0 */
export const parseLiteral = (text: string): Literal | undefined => {
  const tokens: Array<Token> = []
  const trimmed = text.trimEnd()
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < trimmed.length) {
    const match = TOKEN.exec(trimmed)
    if (match === null) return undefined
    const [, single, double, number, word, sign] = match
    if (sign !== undefined) tokens.push({ sign })
    else if (number !== undefined) tokens.push({ value: Number(number) })
    else tokens.push({ value: word === undefined ? (single ?? double ?? "") : word === "True" })
  }
  const reader = new Reader(tokens)
  const value = reader.value(0)
  return reader.isOver ? value : undefined
}

class Reader {
  readonly #tokens: ReadonlyArray<Token>
  #at = 0

  constructor(tokens: ReadonlyArray<Token>) {
    this.#tokens = tokens
  }

  get isOver(): boolean {
    return this.#at === this.#tokens.length
  }

  /** Takes the next token if it is this sign. */
  #sign(sign: string): boolean {
    const token = this.#tokens[this.#at]
    if (token === undefined || !("sign" in token) || token.sign !== sign) return false
    this.#at++
    return true
  }

  value(depth: number): Literal | undefined {
    if (depth > DEEPEST) return undefined
    if (this.#sign("(")) return this.#list(")", depth)
    if (this.#sign("[")) return this.#list("]", depth)
    if (this.#sign("{")) return this.#dictionary(depth)
    const token = this.#tokens[this.#at++]
    return token !== undefined && "value" in token ? token.value : undefined
  }

  #list(end: string, depth: number): Literal | undefined {
    const items: Array<Literal> = []
    while (!this.#sign(end)) {
      const item = this.value(depth + 1)
      if (item === undefined) return undefined
      items.push(item)
      if (this.#sign(",")) continue
      if (!this.#sign(end)) return undefined
      // One item in parentheses without a comma is that item.
      return end === ")" && items.length === 1 ? item : items
    }
    return items
  }

  #dictionary(depth: number): ReadonlyMap<Literal, Literal> | undefined {
    const entries = new Map<Literal, Literal>()
    while (!this.#sign("}")) {
      const key = this.value(depth + 1)
      if (key === undefined || !this.#sign(":")) return undefined
      const value = this.value(depth + 1)
      if (value === undefined || entries.has(key)) return undefined
      entries.set(key, value)
      if (this.#sign(",")) continue
      return this.#sign("}") ? entries : undefined
    }
    return entries
  }
}
