/** Schemas of `effect` are read by the parser of `@effect/schema`: what becomes of a row is what `effect`'s own makes of it. */
import { expect, test } from "bun:test"
import { Either, Schema } from "effect"
import { validating } from "../../../src/sources/shards/RowSchema.ts"

interface Tree {
  readonly v: number
  readonly kids: ReadonlyArray<Tree>
}
const tree: Schema.Schema<Tree> = Schema.Struct({
  v: Schema.Number,
  kids: Schema.Array(Schema.suspend((): Schema.Schema<Tree> => tree))
})
class Point extends Schema.Class<Point>("Point")({ x: Schema.Number }) {}
const tagged = <const T extends string>(tag: T) => Schema.Struct({ _tag: Schema.Literal(tag), x: Schema.Number })

/** A schema without its types, and rows of which some fit. */
const rowsOf = <A, I>(name: string, schema: Schema.Schema<A, I>, ...rows: ReadonlyArray<unknown>) =>
  [name, schema as Schema.Schema<unknown, unknown>, rows] as const

const cases = [
  rowsOf(
    "fields",
    Schema.Struct({ a: Schema.Number, b: Schema.optional(Schema.String) }),
    ...[{ a: 1 }, { a: "x" }, { a: 1, b: 2 }, {}, { a: 1, c: 3 }, null]
  ),
  rowsOf(
    "defaults",
    Schema.Struct({ a: Schema.optionalWith(Schema.Number, { default: () => 7 }) }),
    ...[{}, { a: 1 }, { a: "1" }]
  ),
  rowsOf(
    "unions",
    Schema.Union(tagged("a"), tagged("b")),
    ...[
      { _tag: "a", x: 1 },
      { _tag: "b", x: "1" },
      { _tag: "c", x: 1 }
    ]
  ),
  rowsOf(
    "transformations",
    Schema.Struct({ d: Schema.Date, n: Schema.NumberFromString, t: Schema.Trim, b: Schema.BigInt }),
    { d: "2020-01-01", n: "5", t: " a ", b: "12" },
    { d: "x", n: "5", t: "", b: "1" },
    { d: "2020-01-01", n: "z", t: "", b: "1" },
    { d: "2020-01-01", n: "1", t: "", b: "z" }
  ),
  rowsOf(
    "refinements",
    Schema.Struct({ a: Schema.Int.pipe(Schema.positive()), s: Schema.NonEmptyString, id: Schema.UUID }),
    { a: 1, s: "x", id: "123e4567-e89b-12d3-a456-426614174000" },
    { a: -1, s: "x", id: "" },
    { a: 1.5, s: "", id: "" }
  ),
  rowsOf("classes", Point, { x: 1 }, { x: "1" }),
  rowsOf("recursion", tree, { v: 1, kids: [{ v: 2, kids: [] }] }, { v: 1, kids: [{ v: "2", kids: [] }] }),
  rowsOf("records", Schema.Record({ key: Schema.String, value: Schema.Number }), { a: 1 }, { a: "x" }),
  rowsOf("tuples", Schema.Tuple(Schema.Number, Schema.optionalElement(Schema.String)), [1], [1, "x"], ["x"], [1, 2]),
  rowsOf("options", Schema.Struct({ o: Schema.OptionFromNullOr(Schema.Number) }), { o: null }, { o: 1 }, { o: "x" }),
  rowsOf(
    "names",
    Schema.Struct({ a: Schema.propertySignature(Schema.Number).pipe(Schema.fromKey("A")) }),
    ...[{ A: 1 }, { a: 1 }]
  )
]

test.each(cases)("%s of a schema of effect are what its own parser makes of them", (_, schema, rows) => {
  const validate = validating(schema)
  const outcomes = rows.map((row) => {
    const own = validate(row)
    const expected = Schema.decodeUnknownEither(schema)(row)
    expect(Either.isRight(own)).toBe(Either.isRight(expected))
    if (Either.isRight(own) && Either.isRight(expected)) expect(own.right).toEqual(expected.right)
    return Either.isRight(own)
  })
  expect(new Set(outcomes)).toEqual(new Set([true, false]))
})

test("a Standard Schema that effect makes of its schema says the same", () => {
  const schema = Schema.Struct({ n: Schema.NumberFromString })
  const standard = validating(Schema.standardSchemaV1(schema))
  expect(standard({ n: "5" })).toEqual(validating(schema)({ n: "5" }))
  expect(Either.isLeft(standard({ n: "z" }))).toBe(true)
})
