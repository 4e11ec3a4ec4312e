/**
 * Values of `@effect/schema`'s type `Schema`, made of its syntax trees.
 *
 * They are what `Schema.Struct`, `Schema.Array` and the others return, and can be used as such. The module `Schema` itself
 * is not loaded, since it loads all of `fast-check`: that takes a third of the time that the import of Effect takes.
 *
 * @since 0.1.0
 */
import { formatIssueSync } from "@effect/schema/ArrayFormatter"
import * as AST from "@effect/schema/AST"
import * as ParseResult from "@effect/schema/ParseResult"
import type * as Schema from "@effect/schema/Schema"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"

type Value<A> = Schema.Schema<A>

/** As `@effect/schema` names them. */
const named = (name: string): symbol => Symbol.for(`@effect/schema/${name}`)
const SCHEMA = named("Schema")
const same = <A>(value: A): A => value
const VARIANCE = { _A: same, _I: same, _R: same }

/** The annotations that have a symbol of another form. */
const ANNOTATIONS: Readonly<Record<string, symbol>> = {
  arbitrary: named("ArbitraryHookId"),
  equivalence: named("EquivalenceHookId"),
  jsonSchema: AST.JSONSchemaAnnotationId,
  pretty: named("PrettyHookId")
}

/** Annotations by symbols; those by names are the ones that `Schema` gives a symbol. */
const bySymbol = (annotations: object): AST.Annotations =>
  Object.fromEntries(
    Reflect.ownKeys(annotations).map((key) => [
      typeof key === "symbol"
        ? key
        : (ANNOTATIONS[key] ?? named(`annotation/${key.charAt(0).toUpperCase()}${key.slice(1)}`)),
      Reflect.get(annotations, key)
    ])
  )

const make = <A>(ast: AST.AST): Value<A> => {
  const value = {
    [SCHEMA]: VARIANCE,
    ast,
    annotations: (annotations: object) => make<A>(AST.annotations(ast, bySymbol(annotations))),
    pipe() {
      // biome-ignore lint/complexity/noArguments: as every `pipe` of Effect's
      return pipeArguments(this, arguments)
    },
    toString: () => String(ast)
  }
  // All that `Schema` reads of a schema; the fields `Type`, `Encoded` and `Context` are there for types alone.
  return value as unknown as Value<A>
}

const refined = <A>(self: Value<A>, holds: (value: A) => boolean, type: string, annotations: object): Value<A> =>
  make(
    new AST.Refinement(
      self.ast,
      (value: A, _, ast) => (holds(value) ? Option.none() : Option.some(new ParseResult.Type(ast, value))),
      bySymbol({ [AST.TypeAnnotationId]: named(`TypeId/${type}`), ...annotations })
    )
  )

/** `Schema.String`. @since 0.1.0 */
export const string: Value<string> = make(AST.stringKeyword)

/** `Schema.Unknown`. @since 0.1.0 */
export const unknown: Value<unknown> = make(AST.unknownKeyword)

/** `Schema.NonEmptyString`. @since 0.1.0 */
export const nonEmptyString: Value<string> = refined(string, (text) => text.length >= 1, "MinLength", {
  identifier: "NonEmptyString",
  title: "NonEmptyString",
  description: "a non empty string",
  jsonSchema: { minLength: 1 }
})

/** `Schema.pattern` of strings. @since 0.1.0 */
export const matching = (regex: RegExp): Value<string> =>
  refined(string, (text) => regex.test(text), "Pattern", {
    [named("TypeId/Pattern")]: { regex },
    description: `a string matching the pattern ${regex.source}`,
    jsonSchema: { pattern: regex.source },
    arbitrary: () => (fc: { readonly stringMatching: (regex: RegExp) => unknown }) => fc.stringMatching(regex)
  })

/** `Schema.between` of `Schema.int`. @since 0.1.0 */
export const wholeBetween = (minimum: number, maximum: number): Value<number> =>
  refined(
    refined(make<number>(AST.numberKeyword), Number.isSafeInteger, "Int", {
      title: "integer",
      description: "an integer",
      jsonSchema: { type: "integer" }
    }),
    (value) => value >= minimum && value <= maximum,
    "Between",
    { description: `a number between ${minimum} and ${maximum}`, jsonSchema: { maximum, minimum } }
  )

/** `Schema.Literal` of a number. @since 0.1.0 */
export const literal = <N extends number>(value: N): Value<N> => make(new AST.Literal(value))

/** `Schema.NullOr`. @since 0.1.0 */
export const nullOr = <A>(self: Value<A>): Value<A | null> => make(AST.Union.make([self.ast, AST.null]))

/** `Schema.Array`. @since 0.1.0 */
export const array = <A>(item: Value<A>): Value<ReadonlyArray<A>> =>
  make(new AST.TupleType([], [new AST.Type(item.ast)], true))

/** `Schema.Tuple`. @since 0.1.0 */
export const tuple = <A extends ReadonlyArray<unknown>>(
  ...items: { readonly [At in keyof A]: Value<A[At]> }
): Value<Readonly<A>> =>
  make(
    new AST.TupleType(
      items.map((item) => new AST.OptionalType(item.ast, false)),
      [],
      true
    )
  )

/** A string that is not `text`. @since 0.1.0 */
export const otherThan = (text: string): Value<string> =>
  refined(string, (own) => own !== text, "OtherThan", { description: `a string other than ${JSON.stringify(text)}` })

/** `Schema.Record` of strings, whose keys are of a schema. @since 0.1.0 */
export const stringRecord = (key: Value<string>): Value<{ readonly [name: string]: string }> =>
  make(new AST.TypeLiteral([], [new AST.IndexSignature(keyOf(key.ast), AST.stringKeyword, true)]))

const keyOf = (ast: AST.AST): AST.Parameter => {
  if (AST.isParameter(ast)) return ast
  throw new TypeError("keys of a record are strings, or a refinement of strings")
}

/** A field that may be missing: `Schema.optionalWith(…, { exact: true })`. @since 0.1.0 */
export interface Optional<A> {
  readonly optional: Value<A>
}

/** @since 0.1.0 */
export const optional = <A>(self: Value<A>): Optional<A> => ({ optional: self })

type Fields = Readonly<Record<string, { readonly ast: AST.AST } | { readonly optional: { readonly ast: AST.AST } }>>
type Plain<A> = { readonly [Key in keyof A]: A[Key] }

/** The record that fields describe. @since 0.1.0 */
export type RecordOf<F> = Plain<
  {
    readonly [Key in keyof F as F[Key] extends Value<infer _> ? Key : never]: F[Key] extends Value<infer A> ? A : never
  } & {
    readonly [Key in keyof F as F[Key] extends Optional<infer _> ? Key : never]?: F[Key] extends Optional<infer A>
      ? A
      : never
  }
>

/** `Schema.Struct`, with this identifier if it has one. @since 0.1.0 */
export const struct = <const F extends Fields>(fields: F, identifier?: string): Value<RecordOf<F>> =>
  make(
    new AST.TypeLiteral(
      Object.entries(fields).map(([name, field]) =>
        "optional" in field
          ? new AST.PropertySignature(name, field.optional.ast, true, true)
          : new AST.PropertySignature(name, field.ast, false, true)
      ),
      [],
      identifier === undefined ? {} : bySymbol({ identifier })
    )
  )

/** The first thing that is wrong with a value. @since 0.1.0 */
export interface Issue {
  /** Names of fields, from the outermost one on. */
  readonly path: ReadonlyArray<PropertyKey>
  /** In one line. */
  readonly message: string
}

/** Returns what a value is by a schema, without fields that it does not name; or what is wrong. @since 0.1.0 */
export const decode = <A, I>(schema: Schema.Schema<A, I>, value: unknown): Either.Either<A, Issue> =>
  Either.mapLeft(ParseResult.decodeUnknownEither(schema)(value), (wrong) => {
    const [issue] = formatIssueSync(wrong)
    const message = issue?.message ?? ParseResult.parseError(wrong).message
    return { path: issue?.path ?? [], message: message.replaceAll(/\s+/g, " ") }
  })
