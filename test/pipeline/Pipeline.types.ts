/**
 * What `pipe` infers for every constructor of Pipeline, and what it refuses.
 */
import { Context, Data, Effect, Layer, Stream } from "effect"
import type { Tensor } from "../../src/core/Tensor.ts"
import type { Batch, Delivered, DTypes } from "../../src/pipeline/Batch.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import type { Rng } from "../../src/random/Rng.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import * as Workers from "../../src/scheduler/backends/Workers.ts"
import * as Scheduler from "../../src/scheduler/loader/Scheduler.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../src/sources/Dataset.ts"
import * as Format from "../../src/sources/formats/Formats.ts"
import { equal } from "../support/equal.ts"

type Needs = SeedPolicy.SeedPolicy

class ReadError extends Data.TaggedError("ReadError") {}
class DecodeError extends Data.TaggedError("DecodeError") {}
class Disk extends Context.Tag("Disk")<Disk, string>() {}
class Codec extends Context.Tag("Codec")<Codec, string>() {}

const numbers = Pipeline.from(Dataset.range(10))
declare const disk: Dataset.Dataset<{ readonly image: Uint8Array; readonly label: number }, ReadError, Disk>
const records = Pipeline.from(disk)

// That `equal` can fail, in each of the three places.
// @ts-expect-error
equal<Pipeline.Pipeline<number>, Pipeline.Pipeline<number | string>>()
// @ts-expect-error
equal<Pipeline.Pipeline<number>, Pipeline.Pipeline<number, ReadError>>()
// @ts-expect-error
equal<Pipeline.Pipeline<number>, Pipeline.Pipeline<number, never, Needs>>()

// from: the dataset's own sample, errors and requirements.
equal<typeof numbers, Pipeline.Pipeline<number>>()
equal<typeof records, Pipeline.Pipeline<{ readonly image: Uint8Array; readonly label: number }, ReadError, Disk>>()

// sample: requires a policy when the sampler draws, and nothing when it does not.
const shuffled = records.pipe(Pipeline.sample(Sampler.shuffle))
equal<
  typeof shuffled,
  Pipeline.Pipeline<{ readonly image: Uint8Array; readonly label: number }, ReadError, Disk | Needs>
>()
const inSequence = numbers.pipe(Pipeline.sample(Sampler.sequential))
equal<typeof inSequence, Pipeline.Pipeline<number>>()
const drawn = numbers.pipe(Pipeline.sample(Sampler.withReplacement()))
equal<typeof drawn, Pipeline.Pipeline<number, never, Needs>>()
const weighted = numbers.pipe(Pipeline.sample(Sampler.limited(Sampler.weighted([1, 2]), 1)))
equal<typeof weighted, Pipeline.Pipeline<number, never, Needs>>()
const chosen = numbers.pipe(Pipeline.sample(Sampler.subset([1, 2])))
equal<typeof chosen, Pipeline.Pipeline<number>>()
const chosenAndShuffled = numbers.pipe(Pipeline.sample(Sampler.subset([1, 2], Sampler.shuffle)))
equal<typeof chosenAndShuffled, Pipeline.Pipeline<number, never, Needs>>()

// augment: the new sample, and a policy. The rng and the context are typed without annotations.
const augmented = records.pipe(
  Pipeline.augment("crop", (sample, rng, context) => {
    equal<typeof sample, { readonly image: Uint8Array; readonly label: number }>()
    equal<typeof rng, Rng>()
    equal<typeof context, Pipeline.StageContext>()
    return { ...sample, angle: "left" }
  })
)
equal<
  typeof augmented,
  Pipeline.Pipeline<{ angle: string; image: Uint8Array; label: number }, ReadError, Disk | Needs>
>()

// map and filter: no policy.
const mapped = records.pipe(Pipeline.map("label", ({ label }) => label > 4))
equal<typeof mapped, Pipeline.Pipeline<boolean, ReadError, Disk>>()
const filtered = mapped.pipe(Pipeline.filter("high", (high, context) => high && context.index > 3))
equal<typeof filtered, Pipeline.Pipeline<boolean, ReadError, Disk>>()
// A predicate of a wider type leaves the samples what they are, and so does a filter that is kept as a value.
const low = ({ label }: { readonly label: number }): boolean => label < 5
const onlyLow = records.pipe(Pipeline.filter("low", low))
equal<typeof records, typeof onlyLow>()
const lowStage = Pipeline.filter("low", low)
const onlyLowToo = records.pipe(lowStage)
equal<typeof records, typeof onlyLowToo>()
// @ts-expect-error numbers have no label
numbers.pipe(lowStage)
// @ts-expect-error likewise
numbers.pipe(Pipeline.filter("low", low))

// Effectful stages: their errors and requirements join those before them.
const decode = (label: number): Effect.Effect<string, DecodeError, Codec> =>
  Effect.flatMap(Codec, () => (label < 0 ? Effect.fail(new DecodeError()) : Effect.succeed("")))
const decoded = records.pipe(Pipeline.mapEffect("decode", ({ label }) => decode(label)))
equal<typeof decoded, Pipeline.Pipeline<string, ReadError | DecodeError, Disk | Codec>>()
const decodedAtRandom = records.pipe(
  Pipeline.augmentEffect("decode", ({ label }, rng: Rng) => decode(rng.integer(label)), { concurrency: 2 })
)
equal<typeof decodedAtRandom, Pipeline.Pipeline<string, ReadError | DecodeError, Disk | Codec | Needs>>()

// batch: columns; errors and requirements stay.
const batched = records.pipe(Pipeline.batch(4))
equal<
  typeof batched,
  Pipeline.Pipeline<
    Batch<{ readonly image: Tensor<Uint8Array>; readonly label: Tensor<Float64Array> }>,
    ReadError,
    Disk
  >
>()
const typed = records.pipe(Pipeline.batch(4, { dropLast: true, dtypes: { label: "int32" } }))
equal<
  typeof typed,
  Pipeline.Pipeline<Batch<{ readonly image: Tensor<Uint8Array>; readonly label: Tensor<Int32Array> }>, ReadError, Disk>
>()

// batchWith: what the collate gives.
const padded = numbers.pipe(
  Pipeline.batchWith(4, (samples: ReadonlyArray<number>) => ({ lengths: samples.length, tokens: new Int32Array(9) }))
)
equal<typeof padded, Pipeline.Pipeline<Batch<{ lengths: number; tokens: Int32Array<ArrayBuffer> }>>>()

// Behind batch a stage takes whole batches.
const mixed = batched.pipe(
  Pipeline.augment("mix", (batch, rng) => {
    equal<typeof batch.columns.image, Tensor<Uint8Array>>()
    return { ...batch, columns: { ...batch.columns, weight: rng.float() } }
  }),
  Pipeline.map("halve", (batch) => ({ ...batch, columns: batch.columns.weight / 2 }))
)
equal<Pipeline.Pipeline<ItemOf<typeof mixed>, ReadError, Disk | Needs>, typeof mixed>()
equal<ItemOf<typeof mixed>["columns"], number>()
type ItemOf<P> = P extends Pipeline.Pipeline<infer A, unknown, unknown> ? A : never

// The pipeline may come first: each gives what it gives in `pipe`.
const firstSampled = Pipeline.sample(records, Sampler.shuffle)
equal<typeof firstSampled, typeof shuffled>()
const firstAugmented = Pipeline.augment(records, "crop", (sample, rng, context) => {
  equal<typeof sample, { readonly image: Uint8Array; readonly label: number }>()
  equal<typeof rng, Rng>()
  equal<typeof context, Pipeline.StageContext>()
  return { ...sample, angle: "left" }
})
equal<typeof firstAugmented, typeof augmented>()
const firstMapped = Pipeline.map(records, "label", ({ label }) => label > 4)
equal<typeof firstMapped, typeof mapped>()
const firstFiltered = Pipeline.filter(firstMapped, "high", (high, context) => high && context.index > 3)
equal<typeof firstFiltered, typeof filtered>()
const firstLow = Pipeline.filter(records, "low", low)
equal<typeof firstLow, typeof onlyLow>()
const firstDecoded = Pipeline.mapEffect(records, "decode", ({ label }) => decode(label))
equal<typeof firstDecoded, typeof decoded>()
const firstDecodedAtRandom = Pipeline.augmentEffect(
  records,
  "decode",
  ({ label }, rng) => {
    equal<typeof rng, Rng>()
    return decode(rng.integer(label))
  },
  { concurrency: 2 }
)
equal<typeof firstDecodedAtRandom, typeof decodedAtRandom>()
const firstBatched = Pipeline.batch(records, 4)
equal<typeof firstBatched, typeof batched>()
const firstTyped = Pipeline.batch(records, 4, { dropLast: true, dtypes: { label: "int32" } })
equal<typeof firstTyped, typeof typed>()
const firstPadded = Pipeline.batchWith(numbers, 4, (samples) => {
  equal<typeof samples, ReadonlyArray<number>>()
  return { lengths: samples.length, tokens: new Int32Array(9) }
})
equal<typeof firstPadded, typeof padded>()
const firstDeriving = Pipeline.ambient(numbers, "derive")
equal<typeof firstDeriving, Pipeline.Pipeline<number, never, Needs>>()
const firstLeaving = Pipeline.ambient(shuffled, "leave")
equal<typeof firstLeaving, typeof shuffled>()
// @ts-expect-error the samples are numbers, the stage takes strings
Pipeline.map(numbers, "length", (text: string) => text.length)
// @ts-expect-error likewise
Pipeline.augment(numbers, "length", (text: string, rng: Rng) => rng.integer(text.length))
// @ts-expect-error numbers have no label
Pipeline.filter(numbers, "low", low)
// @ts-expect-error the collate takes strings
Pipeline.batchWith(numbers, 4, (samples: ReadonlyArray<string>) => samples.join())
// @ts-expect-error a misspelt name
Pipeline.batch(records, 4, { dtypes: { lable: "int32" } })
// @ts-expect-error no such setting
Pipeline.ambient(numbers, "forbid")
const firstDrawing = Pipeline.batch(
  Pipeline.augment(numbers, "jitter", (x, rng) => x + rng.normal()),
  4
)
// @ts-expect-error SeedPolicy is missing
Scheduler.iterate(firstDrawing, Workers.fibers({ workers: 1 }), { epochs: 1 })
Scheduler.iterate(firstDrawing, Layer.merge(Workers.fibers({ workers: 1 }), SeedPolicy.elastic({ seed: 1 })), {
  epochs: 1
})

// ambient: derive draws, so it requires a policy; the others change nothing.
const deriving = numbers.pipe(Pipeline.ambient("derive"))
equal<typeof deriving, Pipeline.Pipeline<number, never, Needs>>()
const refusing = numbers.pipe(Pipeline.ambient("refuse"))
equal<typeof refusing, Pipeline.Pipeline<number>>()
const leaving = shuffled.pipe(Pipeline.ambient("leave"))
equal<typeof leaving, typeof shuffled>()

// A stage as a value of its own, made once and used in several pipelines.
const jitter = Pipeline.augment("jitter", (x: number, rng) => x + rng.normal())
const jittered = [numbers.pipe(jitter), inSequence.pipe(jitter)] as const
equal<typeof jittered, readonly [Pipeline.Pipeline<number, never, Needs>, Pipeline.Pipeline<number, never, Needs>]>()

// Runs carry all of it on.
const stream = Scheduler.stream(typed, { epochs: 1 })
equal<
  typeof stream,
  Stream.Stream<
    Delivered<{ readonly image: Tensor<Uint8Array>; readonly label: Tensor<Int32Array> }>,
    Scheduler.LoaderError<ReadError>,
    Disk
  >
>()

// What is refused.

// @ts-expect-error the samples are numbers, the stage takes strings
numbers.pipe(Pipeline.map("length", (text: string) => text.length))
// @ts-expect-error likewise
numbers.pipe(Pipeline.augment("length", (text: string, rng: Rng) => rng.integer(text.length)))
// @ts-expect-error likewise
numbers.pipe(Pipeline.filter("long", (text: string) => text.length > 3))
// @ts-expect-error likewise
numbers.pipe(Pipeline.mapEffect("read", (path: string) => Effect.succeed(path)))
// @ts-expect-error likewise
numbers.pipe(Pipeline.augmentEffect("read", (path: string) => Effect.succeed(path)))
// @ts-expect-error the collate takes strings
numbers.pipe(Pipeline.batchWith(4, (samples: ReadonlyArray<string>) => samples.join()))
// @ts-expect-error a filter says true or false
numbers.pipe(Pipeline.filter("odd", (x) => x % 2))
// @ts-expect-error an effectful stage gives an effect
numbers.pipe(Pipeline.mapEffect("double", (x) => 2 * x))

// A stage for samples, put behind batch: it is given a batch.
// @ts-expect-error the stage takes a number
numbers.pipe(Pipeline.batch(4), jitter)
numbers.pipe(
  Pipeline.batch(4),
  // @ts-expect-error the stage takes a batch with an image
  Pipeline.map("first", (batch: Batch<{ readonly image: Tensor }>) => batch.columns.image)
)
// A stage for batches, put before batch: it is given samples.
numbers.pipe(
  // @ts-expect-error a number has no columns
  Pipeline.map("columns", (batch: Batch<Tensor>) => batch.columns),
  Pipeline.batch(4)
)

// @ts-expect-error no element type of JavaScript numbers
numbers.pipe(Pipeline.batch(4, { dtypes: { label: "int64" } }))
// dtypes name columns of numbers, by their paths; the compiler refuses others, in `pipe` and out of it.
declare const nested: Pipeline.Pipeline<{
  readonly image: Uint8Array
  readonly label: number
  readonly path: string
  readonly tokens: ReadonlyArray<number>
  readonly meta: { readonly size: readonly [number, number]; readonly id?: number; readonly flag: boolean }
}>
// @ts-expect-error a misspelt name
records.pipe(Pipeline.batch(4, { dtypes: { lable: "int32" } }))
// @ts-expect-error one of two is misspelt
nested.pipe(Pipeline.batch(4, { dtypes: { label: "int32", "meta.sise": "int32" } }))
// @ts-expect-error a column of bytes has its type
records.pipe(Pipeline.batch(4, { dtypes: { image: "float32" } }))
// @ts-expect-error a text is no number
nested.pipe(Pipeline.batch(4, { dtypes: { path: "int32" } }))
// @ts-expect-error a flag is no number
nested.pipe(Pipeline.batch(4, { dtypes: { "meta.flag": "int32" } }))
// @ts-expect-error a record is no column
nested.pipe(Pipeline.batch(4, { dtypes: { meta: "int32" } }))
// @ts-expect-error samples that are numbers go by the empty path
numbers.pipe(Pipeline.batch(4, { dtypes: { label: "int32" } }))
const misnamed = Pipeline.batch(4, { dtypes: { lable: "int32" } })
// @ts-expect-error a stage that is kept as a value, too
records.pipe(misnamed)
const everyName = nested.pipe(
  Pipeline.batch(4, { dtypes: { label: "int32", tokens: "uint16", "meta.size": "uint8", "meta.id": "float32" } })
)
equal<ItemOf<typeof everyName>["columns"]["meta"]["size"], Tensor<Uint8Array>>()
const plainNumbers = numbers.pipe(Pipeline.batch(4, { dtypes: { "": "int16" } }))
equal<typeof plainNumbers, Pipeline.Pipeline<Batch<Tensor<Int16Array>>>>()
// Names that the compiler does not know, and samples that it does not know, are looked at in the run.
declare const someTypes: DTypes
records.pipe(Pipeline.batch(4, { dtypes: someTypes }))
declare const anything: Pipeline.Pipeline<unknown>
anything.pipe(Pipeline.batch(4, { dtypes: { label: "int32" } }))
declare const open: Pipeline.Pipeline<Readonly<Record<string, number>>>
open.pipe(Pipeline.batch(4, { dtypes: { label: "int32" } }))

// Samples of untyped code: the columns of `any` are `any`, and the names of the others are still checked.
type Any = ReturnType<typeof JSON.parse>
const untyped = Pipeline.from(Dataset.fromArray([{ id: 1, label: JSON.parse("5"), meta: { size: JSON.parse("6") } }]))
const untypedBatched = untyped.pipe(
  Pipeline.batch(4, { dtypes: { id: "int32", label: "uint8", "meta.size.width": "int8" } })
)
interface UntypedColumns {
  readonly id: Tensor<Int32Array>
  readonly label: Any
  readonly meta: { readonly size: Any }
}
equal<ItemOf<typeof untypedBatched>["columns"], UntypedColumns>()
equal<ItemOf<ReturnType<typeof plainly>>["columns"]["label"], Any>()
const plainly = () => Pipeline.batch(untyped, 4)
// @ts-expect-error a misspelt name
untyped.pipe(Pipeline.batch(4, { dtypes: { lable: "int32" } }))
const readLines = () => Dataset.open("a.jsonl", { format: Format.jsonl<Any>() })
declare const lines: Effect.Effect.Success<ReturnType<typeof readLines>>
const untypedLines = Pipeline.from(lines).pipe(Pipeline.batch(4, { dtypes: { stars: "uint8" } }))
equal<ItemOf<typeof untypedLines>["columns"], Any>()

// Types that contain themselves have no end of names.
interface Linked {
  readonly value: number
  readonly next?: Linked
}
declare const linked: Pipeline.Pipeline<Linked>
linked.pipe(Pipeline.batch(4))
linked.pipe(Pipeline.batch(4, { dtypes: { value: "int32", "next.next.next.next.next.value": "uint8" } }))
// @ts-expect-error a misspelt name
linked.pipe(Pipeline.batch(4, { dtypes: { "next.next.valeu": "int32" } }))
type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [name: string]: Json }
declare const trees: Pipeline.Pipeline<{ readonly "a.b": { readonly "c.d": number }; readonly tree: Json }>
trees.pipe(Pipeline.batch(4))
trees.pipe(Pipeline.batch(4, { dtypes: { "a.b.c.d": "int32", "tree.leaves.0": "uint8" } }))
// @ts-expect-error no number is there
trees.pipe(Pipeline.batch(4, { dtypes: { "a.b.c": "int32" } }))

// What is no dataset.
// @ts-expect-error an array
Pipeline.from([1, 2, 3])
// @ts-expect-error a typed array
Pipeline.from(Float32Array.of(1, 2))
// @ts-expect-error a generator
Pipeline.from([1, 2, 3].values())
// @ts-expect-error an effect
Pipeline.from(Effect.succeed(Dataset.range(3)))
// @ts-expect-error a promise
Pipeline.from(Promise.resolve(Dataset.range(3)))
// @ts-expect-error a stream
Pipeline.from(Stream.make(1, 2))
// @ts-expect-error a function
Pipeline.from(() => Dataset.range(3))
// @ts-expect-error nothing
Pipeline.from(null)
// @ts-expect-error a pipeline
Pipeline.from(numbers)

// @ts-expect-error no such setting
numbers.pipe(Pipeline.ambient("forbid"))

// A pipeline without batch cannot be run.
// @ts-expect-error its items are numbers, not batches
Scheduler.stream(numbers, { epochs: 1 })

// The law: a pipeline that draws does not run until a policy is provided.
const drawing = numbers.pipe(Pipeline.sample(Sampler.shuffle), jitter, Pipeline.batch(4))
const run = Stream.runDrain(Scheduler.stream(drawing, { epochs: 1 })).pipe(
  Effect.provide(Workers.fibers({ workers: 1 }))
)
// @ts-expect-error SeedPolicy is missing
Effect.runPromise(run)
Effect.runPromise(run.pipe(Effect.provide(SeedPolicy.elastic({ seed: 1 }))))
// @ts-expect-error SeedPolicy is missing
Scheduler.iterate(drawing, Workers.fibers({ workers: 1 }), { epochs: 1 })
Scheduler.iterate(drawing, Layer.merge(Workers.fibers({ workers: 1 }), SeedPolicy.elastic({ seed: 1 })), { epochs: 1 })
// One that does not draw needs none.
Scheduler.iterate(numbers.pipe(Pipeline.batch(4)), Workers.fibers({ workers: 1 }), { epochs: 1 })
