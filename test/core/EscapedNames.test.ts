/** JSON whose names have escapes is read as it is, also where the engine's own parser confuses names. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { parseJson, withoutConfusion } from "../../src/core/EscapedNames.ts"
import { exactJson } from "../../src/core/ExactJson.ts"
import * as Format from "../../src/sources/formats/Formats.ts"
import { rowsOf } from "../support/shard.ts"
import { bytesOf, tarOf } from "../support/tar.ts"

/** Few names, so that rows have the beginnings of others, and source that is the beginning of a name. */
const source = fc
  .array(
    fc.constantFrom("a", "n", "u", "1", "é", "中", " ", "\\\\", "\\n", '\\"', "\\/", "\\u0061", "\\u0031", "\\ud800"),
    {
      maxLength: 3
    }
  )
  .map((parts) => parts.join(""))
const name = fc.oneof(
  { weight: 4, arbitrary: source },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "\\u005f_proto__", "toString", "\\\\__proto__") }
)
const colon = fc.constantFrom(":", " :", "\t\r\n : ")
const json = fc.letrec<{ value: string; record: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("null", "true", "1", "-0", "9007199254740993", "-12345678901234567890", "1.5e3", '":"'),
    source.map((own) => `"${own}"`),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(" , ")}]`),
    tie("record")
  ),
  record: fc
    .array(fc.tuple(name, colon, tie("value")), { minLength: 1, maxLength: 4 })
    .map((fields) => `{${fields.map(([own, between, value]) => `"${own}"${between}${value}`).join(",")}}`)
}))

/** An independent reader, token by token: records are lists of entries. */
const read = (text: string, large: (digits: string) => unknown): unknown => {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? []
  let at = 0
  const scalar = (token: string): unknown => {
    if (token.startsWith('"')) return unescaped(token.slice(1, -1))
    if (token === "null") return null
    if (token === "true") return true
    return /^-?\d{16,}$/.test(token) ? large(token) : Number(token)
  }
  const value = (): unknown => {
    const token = tokens[at++] ?? ""
    if (token !== "{" && token !== "[") return scalar(token)
    const items: Array<unknown> = []
    const fields = new Map<unknown, unknown>()
    while (tokens[at] !== "}" && tokens[at] !== "]") {
      if (tokens[at] === ",") at++
      const first = value()
      if (token === "[") items.push(first)
      else {
        at++ // the colon
        fields.set(first, value())
      }
    }
    at++
    return token === "[" ? items : { entries: inOrder(fields) }
  }
  return value()
}
const unescaped = (own: string): string =>
  own.replace(/\\(?:u(....)|(.))/g, (_, code: string | undefined, letter: string) =>
    code === undefined ? (letter === "n" ? "\n" : letter) : String.fromCharCode(Number.parseInt(code, 16))
  )
/** As JavaScript has them: whole numbers first. */
const inOrder = (fields: ReadonlyMap<unknown, unknown>): ReadonlyArray<readonly [unknown, unknown]> => {
  const whole = (own: unknown): boolean => /^(?:0|[1-9]\d*)$/.test(String(own))
  const all = [...fields]
  const wholes = all.filter(([own]) => whole(own)).toSorted(([one], [other]) => Number(one) - Number(other))
  return [...wholes, ...all.filter(([own]) => !whole(own))]
}

/** Records as the reader has them. */
const listed = (own: unknown): unknown => {
  if (Array.isArray(own)) return own.map(listed)
  if (typeof own !== "object" || own === null) return own
  expect(Object.getPrototypeOf(own)).toBe(Object.prototype)
  return { entries: Object.entries(own).map(([name, field]) => [name, listed(field)]) }
}

/** Each is confused with the one before by V8 15.0. */
const confused = [
  String.raw`{"k":1,"\\":2}`,
  String.raw`{"k":1,"\n":2}`,
  String.raw`{"k":1,"\\u":2}`,
  String.raw`{"k":1,"\u00e9!":12345678901234567890}`
]
const rows: Array<Record<string, unknown>> = [
  { k: 1, "\\": 2 },
  { k: 1, "\n": 2 },
  { k: 1, "\\u": 2 },
  { k: 1, "é!": 12345678901234567890n }
]
const rounded = [...rows.slice(0, 3), { k: 1, "é!": Number(12345678901234567890n) }]

describe("names with escapes", () => {
  test("are read as an independent reader reads them, one text after another", () => {
    const mended = withoutConfusion(JSON.parse)
    fc.assert(
      fc.property(fc.array(json.record, { minLength: 1, maxLength: 6 }), (texts) => {
        for (const text of texts) {
          const wanted = read(text, Number)
          expect(listed(parseJson(text))).toEqual(wanted)
          expect(listed(mended(text))).toEqual(wanted)
          expect(listed(exactJson(text))).toEqual(read(text, BigInt))
        }
      }),
      { numRuns: 150 }
    )
  })

  test("are those of rows of files, too", async () => {
    const lines = bytesOf(confused.join("\n"))
    expect(await rowsOf(Format.jsonl(), lines)).toEqual(rows)
    expect(await rowsOf(Format.jsonl({ integers: "number" }), lines)).toEqual(rounded)
    const tar = tarOf(...confused.map((body, at) => ({ name: `${at}.json`, body })))
    expect((await rowsOf(Format.tar(), tar)).map((row) => row["json"])).toEqual(rows)
  })

  test("need no escape at all, where they have none", () => {
    expect(JSON.stringify(withoutConfusion(JSON.parse)('{"b":1,"\\u0061":2,"a":3,"\\u0031":"\\u0032"}'))).toBe(
      '{"1":"2","b":1,"a":3}'
    )
  })

  test("may be as deep as the engine's parser goes, and errors are of the text that was given", () => {
    const depth = 100_000
    const deep = `${'{"\\n":'.repeat(depth)}1${"}".repeat(depth)}`
    let own = withoutConfusion(JSON.parse)(deep)
    for (let at = 0; at < depth; at++) own = Object(own)["\n"]
    expect(own).toBe(1)
    const wrong = '{"\\n":1,}'
    expect(() => withoutConfusion(JSON.parse)(wrong)).toThrow(SyntaxError)
  })
})
