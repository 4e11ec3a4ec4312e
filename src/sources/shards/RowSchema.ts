/**
 * Schemas that rows go through: of `effect` or `@effect/schema`, or of any library that follows Standard Schema.
 *
 * @since 0.1.0
 */
import type * as Schema from "@effect/schema/Schema"
import * as Either from "effect/Either"
import type * as EffectSchema from "effect/Schema"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { decode } from "../../core/SchemaValue.ts"

/** What is wrong with a value, as Standard Schema has it. @category models @since 0.1.0 */
export interface StandardIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** A schema of Zod, Valibot, ArkType or another library that follows Standard Schema. @category models @since 0.1.0 */
export interface StandardSchema<out A> {
  readonly "~standard": {
    readonly version: 1
    readonly vendor: string
    readonly validate: (
      value: unknown
    ) =>
      | { readonly value: A; readonly issues?: undefined }
      | { readonly issues: ReadonlyArray<StandardIssue> }
      | Promise<unknown>
  }
}

/** @category models @since 0.1.0 */
export type RowSchema<A, I> = StandardSchema<A> | Schema.Schema<A, I> | EffectSchema.Schema<A, I>

/** Returns what a row is by a schema, or what is wrong with it. @since 0.1.0 */
export type Validate<A> = (row: unknown) => Either.Either<A, string>

const isStandard = <A, I>(schema: RowSchema<A, I>): schema is StandardSchema<A> =>
  "~standard" in schema && typeof schema["~standard"]?.validate === "function"

const pathOf = (path: ReadonlyArray<PropertyKey>): string =>
  path.length === 0 ? "" : `${path.map(String).join(".")}: `

/** Throws `InvalidOption` unless `schema` is one. @since 0.1.0 */
export const validating = <A, I>(schema: RowSchema<A, I>): Validate<A> => {
  const given: unknown = schema
  if ((typeof given !== "object" && typeof given !== "function") || given === null) throw noSchema(given)
  if (isStandard(schema)) {
    const { validate } = schema["~standard"]
    return (row) => {
      const result = validate(row)
      if (result instanceof Promise) return Either.left("its schema is asynchronous; rows need one that is not")
      if (result.issues === undefined) return Either.right(result.value)
      const [issue] = result.issues
      const path = issue?.path?.map((own) => (typeof own === "object" ? own.key : own)) ?? []
      return Either.left(`${pathOf(path)}${issue?.message ?? "it is not valid"}`)
    }
  }
  if (!("ast" in schema)) throw noSchema(given)
  // Both have syntax trees of one form, which is all that is read of them; the tests hold them against each other.
  const own = schema as Schema.Schema<A, I>
  return (row) => Either.mapLeft(decode(own, row), ({ message, path }) => `${pathOf(path)}${message}`)
}

const noSchema = (value: unknown): InvalidOption =>
  new InvalidOption({ option: "schema", value, expected: "a schema of effect or @effect/schema, or a Standard Schema" })
