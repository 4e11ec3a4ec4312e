/**
 * Views and samplers take their subject first or last, and both ways have one type. Checked by the compiler, which reads
 * this file; it is never run.
 */
import * as SeparateSchema from "@effect/schema/Schema"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Schema from "effect/Schema"
import type { InvalidOption } from "../../src/core/InvalidOption.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import type { SeedPolicy } from "../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import * as Format from "../../src/sources/formats/Formats.ts"
import * as Lineage from "../../src/sources/Lineage.ts"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => undefined

const numbers = Dataset.range(4)
const words = Dataset.fromArray(["a", 1, "b"])
const isText = (value: string | number): value is string => typeof value === "string"

const first = {
  map: Dataset.map(numbers, (n) => `${n}`, { name: "texts" }),
  mapEffect: Dataset.mapEffect(numbers, (n) => Effect.succeed([n])),
  slice: Dataset.slice(numbers, 1),
  subset: Dataset.subset(numbers, [1, 2], { name: "two" }),
  filter: Dataset.filter(numbers, (n) => n > 1),
  refine: Dataset.filter(words, isText),
  split: Dataset.split(numbers, { a: 0.5, b: 0.5 }, { seed: 1 }),
  withContent: Dataset.withContent(numbers, "1"),
  limited: Sampler.limited(Sampler.shuffle, 2),
  at: Lineage.at(numbers, 1)
}
const last = {
  map: numbers.pipe(Dataset.map((n) => `${n}`, { name: "texts" })),
  mapEffect: numbers.pipe(Dataset.mapEffect((n) => Effect.succeed([n]))),
  slice: numbers.pipe(Dataset.slice(1)),
  subset: numbers.pipe(Dataset.subset([1, 2], { name: "two" })),
  filter: numbers.pipe(Dataset.filter((n) => n > 1)),
  refine: words.pipe(Dataset.filter(isText)),
  split: numbers.pipe(Dataset.split({ a: 0.5, b: 0.5 }, { seed: 1 })),
  withContent: numbers.pipe(Dataset.withContent("1")),
  limited: pipe(Sampler.shuffle, Sampler.limited(2)),
  at: pipe(numbers, Lineage.at(1))
}
same<typeof first, typeof last>(true)
same<typeof first.map, Dataset.Dataset<string, Dataset.DatasetError>>(true)
same<typeof first.limited, Sampler.Sampler<SeedPolicy>>(true)
same<
  typeof first.refine,
  Effect.Effect<Dataset.Dataset<string>, Dataset.IndexError | Dataset.DatasetError | InvalidOption>
>(true)

// @ts-expect-error a function comes before its options
Dataset.map(numbers, { name: "texts" }, (n: number) => n)
// @ts-expect-error samples are numbers
Dataset.map(numbers, (text: string) => text)
// @ts-expect-error a sampler comes before its count
Sampler.limited(2, Sampler.shuffle)

// Rows have the type of their schema, of `effect` and of `@effect/schema`.
const format = Format.jsonl()
const opened = Dataset.open("a", { format, schema: Schema.Struct({ n: Schema.NumberFromString }) })
const separate = Dataset.open("a", { format, schema: SeparateSchema.Struct({ n: SeparateSchema.NumberFromString }) })
type Rows<E> = E extends Effect.Effect<Dataset.Dataset<infer A, infer _, infer __>, infer ___, infer ____> ? A : never
same<Rows<typeof opened>, { readonly n: number }>(true)
same<Rows<typeof separate>, { readonly n: number }>(true)
// @ts-expect-error a schema that needs a service cannot be used: rows are read by plain code
Dataset.open("a", { format, schema: Schema.Number as Schema.Schema<number, number, "service"> })
