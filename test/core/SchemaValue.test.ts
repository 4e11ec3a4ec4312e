/** The values are held against those that `@effect/schema`'s own functions return. */
import { describe, expect, test } from "bun:test"
import * as Arbitrary from "@effect/schema/Arbitrary"
import { formatErrorSync } from "@effect/schema/ArrayFormatter"
import * as Equivalence from "@effect/schema/Equivalence"
import * as FastCheck from "@effect/schema/FastCheck"
import * as JSONSchema from "@effect/schema/JSONSchema"
import * as Schema from "@effect/schema/Schema"
import { Either } from "effect"
import fc from "fast-check"
import * as Value from "../../src/core/SchemaValue.ts"
import { Cursor, Seed } from "../../src/index.ts"

const HEX = /^[0-9a-f]{8}$/
const Count = Schema.Number.pipe(Schema.int(), Schema.between(0, 10))

/** A value of ours, and the one that `Schema` has; what they hold does not matter to the tests. */
const pair = <A, I>(name: string, ours: Schema.Schema<A>, theirs: Schema.Schema<A, I>) =>
  [name, ours as unknown as Unknown, theirs as unknown as Unknown] as const
type Unknown = Schema.Schema<unknown, unknown>

const pairs = [
  pair("string", Value.string, Schema.String),
  pair("unknown", Value.unknown, Schema.Unknown),
  pair("nonEmptyString", Value.nonEmptyString, Schema.NonEmptyString),
  pair("matching", Value.matching(HEX), Schema.String.pipe(Schema.pattern(HEX))),
  pair("wholeBetween", Value.wholeBetween(0, 10), Count),
  pair("literal", Value.literal(2), Schema.Literal(2)),
  pair("nullOr", Value.nullOr(Value.string), Schema.NullOr(Schema.String)),
  pair("array", Value.array(Value.wholeBetween(0, 10)), Schema.Array(Count)),
  pair(
    "tuple",
    Value.tuple(Value.string, Value.wholeBetween(0, 10), Value.nullOr(Value.string)),
    Schema.Tuple(Schema.String, Count, Schema.NullOr(Schema.String))
  ),
  pair("stringRecord", Value.stringRecord(Value.string), Schema.Record({ key: Schema.String, value: Schema.String })),
  pair(
    "stringRecord of some keys",
    Value.stringRecord(Value.matching(HEX)),
    Schema.Record({ key: Schema.String.pipe(Schema.pattern(HEX)), value: Schema.String })
  ),
  pair(
    "struct",
    Value.struct({ a: Value.string, b: Value.optional(Value.wholeBetween(0, 10)) }, "Own"),
    Schema.Struct({ a: Schema.String, b: Schema.optionalWith(Count, { exact: true }) }).annotations({
      identifier: "Own"
    })
  ),
  pair(
    "Seed",
    Seed.Seed,
    Schema.Struct({
      algorithm: Schema.NonEmptyString,
      words: Schema.Array(Schema.Number.pipe(Schema.int(), Schema.between(0, 0xffffffff)))
    }).annotations({ identifier: "Seed" })
  )
]

/** The annotations of a schema; of functions, that there is one. */
const annotated = ({ ast: { annotations } }: Unknown): ReadonlyMap<string, unknown> =>
  new Map(
    Reflect.ownKeys(annotations).map((key) => {
      const value: unknown = Reflect.get(annotations, key)
      return [String(key), typeof value === "function" ? "a function" : value]
    })
  )

const odd = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, "", "a", "0123abcd", 0, 1, 2, 10, 11, -1, 0.5, Number.NaN, 2 ** 32, [], {}),
  fc.constantFrom<unknown>(
    ["a", 1, null],
    ["a"],
    ["a", 1, null, 2],
    { a: "1" },
    { a: "", b: 3 },
    { a: "", b: undefined }
  ),
  fc.constantFrom<unknown>({ a: 1, c: 2 }, { algorithm: "x", words: [1, 2] }, { algorithm: "", words: [-1] }, [1, 11]),
  fc.anything()
)

describe.each(pairs)("%s", (_, ours, theirs) => {
  test("takes and refuses what the other does, in the same words", () => {
    const decoded = [ours, theirs].map((one) => Schema.decodeUnknownEither(one))
    const encoded = [ours, theirs].map((one) => Schema.encodeUnknownEither(one))
    fc.assert(
      fc.property(odd, (value) => {
        for (const [own, other] of [decoded, encoded]) {
          const [a, b] = [own?.(value), other?.(value)]
          if (a === undefined || b === undefined) throw new Error("there are two")
          expect(Either.mapLeft(a, String)).toEqual(Either.mapLeft(b, String))
        }
        const [mine, reference] = [Value.decode(ours, value), Schema.decodeUnknownEither(theirs)(value)]
        expect(Either.isRight(mine)).toBe(Either.isRight(reference))
        if (Either.isRight(mine) || Either.isRight(reference)) return
        const [issue] = formatErrorSync(reference.left)
        expect(mine.left).toEqual({
          path: issue?.path ?? [],
          message: (issue?.message ?? "").replaceAll(/\s+/g, " ")
        })
      }),
      { numRuns: 200 }
    )
  })

  test("is a schema to all functions of Schema", () => {
    expect(Schema.isSchema(ours)).toBe(true)
    expect(String(ours)).toBe(String(theirs))
    expect(JSONSchema.make(ours)).toEqual(JSONSchema.make(theirs))
    const whole = (one: Schema.Schema<unknown, unknown>) =>
      Schema.Struct({ of: one, list: Schema.Array(one) }).annotations({ title: "whole" })
    expect(String(whole(ours))).toBe(String(whole(theirs)))
    const annotations = { title: "its title", description: "said", message: () => "wrong", jsonSchema: { type: "x" } }
    expect(annotated(ours.annotations(annotations))).toEqual(annotated(theirs.annotations(annotations)))
    expect(String(ours.pipe(Schema.optional))).toBe(String(theirs.pipe(Schema.optional)))
    const is = Schema.is(theirs)
    const same = Equivalence.make(ours)
    FastCheck.assert(FastCheck.property(Arbitrary.make(ours), (value) => is(value) && same(value, value)))
  })
})

test("cursors are schemas, too", () => {
  expect(Schema.isSchema(Cursor.Cursor)).toBe(true)
  FastCheck.assert(
    FastCheck.property(Arbitrary.make(Cursor.Cursor), (cursor) => {
      expect(Schema.decodeUnknownSync(Cursor.Cursor)(Schema.encodeSync(Cursor.Cursor)(cursor))).toEqual(cursor)
    }),
    { numRuns: 50 }
  )
})
