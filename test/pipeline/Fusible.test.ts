/**
 * A fusible stage that is no image stage: numbers of two columns. However it runs, its batches are the same.
 */
import { beforeEach, describe, expect, test } from "bun:test"
import { Effect, Option, Stream } from "effect"
import fc from "fast-check"
import { Dataset, InvalidOption, Pipeline, type Rng, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"
import { type FusedStages, type Fusible, withFusible } from "../../src/pipeline/Fusible.ts"
import type { Field } from "../../src/sources/Columnar.ts"

interface Point {
  readonly x: number
  readonly y: number
}

type Jitter = (point: Point, rng: Rng.Rng) => Point

/** How often each way of running was taken. */
const taken = { alone: 0, samples: 0, columns: 0 }

const JITTER = Symbol("jitter")

interface JitterFusible extends Fusible {
  readonly width: number
}

const isJitter = (fusible: Fusible): fusible is JitterFusible => fusible.kind === JITTER

const moved = (value: number, width: number, rng: Rng.Rng): number => value + rng.uniform(-width, width)

const numbers = (columns: ReadonlyMap<string, Field>, name: string) => {
  const field = columns.get(name)
  return field?._tag === "Numbers" && field.data instanceof Float64Array ? field.data : undefined
}

/** Adds up to `width` to both coordinates; a stage may not be wider than the one before. */
const jitter = (width: number): Jitter => {
  const run: Jitter = ({ x, y }, rng) => {
    taken.alone++
    return { x: moved(x, width, rng), y: moved(y, width, rng) }
  }
  const fusible: JitterFusible = {
    kind: JITTER,
    width,
    accepts: (previous) => {
      const narrow = previous.filter(isJitter).find((own) => own.width < width)
      if (narrow === undefined) return
      throw new InvalidOption.InvalidOption({ option: "the width", value: width, expected: `at most ${narrow.width}` })
    },
    fuse: (behind): FusedStages => {
      const widths = [width]
      for (const next of behind) {
        if (!isJitter(next)) break
        widths.push(next.width)
      }
      return {
        length: widths.length,
        fields: ["x", "y"],
        userCode: false,
        run: (samples, rng) => {
          taken.samples++
          for (let row = 0; row < samples.length; row++) {
            let point = samples[row] as Point // the pipeline's samples are points
            for (const [stage, own] of widths.entries()) {
              const drawn = rng(stage, row)
              point = { x: moved(point.x, own, drawn), y: moved(point.y, own, drawn) }
            }
            samples[row] = point
          }
          return undefined
        },
        fits: (columns) => numbers(columns, "x") !== undefined && numbers(columns, "y") !== undefined,
        columns: (columns, rows, rngs) => {
          taken.columns++
          const [x, y] = ["x", "y"].map((name) => Float64Array.from(rows, (row) => numbers(columns, name)?.[row] ?? 0))
          if (x === undefined || y === undefined) throw new Error("there are two")
          for (const [stage, own] of widths.entries()) {
            const rng = rngs.of(stage)
            for (let row = 0; row < rows.length; row++) {
              const drawn = rng(row)
              x[row] = moved(x[row] ?? 0, own, drawn)
              y[row] = moved(y[row] ?? 0, own, drawn)
            }
          }
          return new Map([
            ["x", { _tag: "Numbers", data: x }],
            ["y", { _tag: "Numbers", data: y }]
          ])
        }
      }
    }
  }
  return withFusible(run, fusible)
}

const wrapped =
  (run: Jitter): Jitter =>
  (point, rng) =>
    run(point, rng)

const SIZE = 23
const x = Float64Array.from({ length: SIZE }, (_, row) => row / 3)
const y = Float64Array.from({ length: SIZE }, (_, row) => -row)
const name = { name: "points" }
const columns = Dataset.fromColumns({ x, y }, name)
const samples = Dataset.fromArray(Effect.runSync(columns.getMany(Array.from(x.keys()))), name)

/** What a pipeline delivers, and what the profile says of its stages. */
const run = (
  dataset: Dataset.Dataset<Point>,
  stages: ReadonlyArray<Jitter>,
  dtype: "float32" | "float64" = "float64"
) => {
  let pipeline: Pipeline.Pipeline<Point, never, SeedPolicy.SeedPolicy> = Pipeline.from(dataset)
  for (const [place, stage] of stages.entries()) pipeline = pipeline.pipe(Pipeline.augment(`jitter ${place}`, stage))
  return Effect.scoped(
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline.pipe(Pipeline.batch(5, { dtypes: { x: dtype } })), {
        epochs: 1,
        profile: true,
        replay: true
      })
      const batches = yield* Stream.runCollect(loader.stream)
      const profile = Option.getOrThrow(yield* loader.profile)
      return {
        batches: Array.from(batches, (batch) => batch.columns),
        stages: profile.stages.map((stage) => stage.name),
        forms: Object.fromEntries(profile.stages.map(({ forms, name }) => [name, forms.join()])),
        table: Scheduler.formatProfile(profile)
      }
    })
  ).pipe(
    Effect.provide(SeedPolicy.elastic({ seed: 3 })),
    Effect.provide(Workers.fibers({ workers: 2 })),
    Effect.runPromise
  )
}

const ways = ["alone", "samples", "columns"] as const

beforeEach(() => {
  for (const way of ways) taken[way] = 0
})

/** The ways that were taken. */
const took = () => ways.filter((way) => taken[way] > 0)

describe("a stage that can be fused", () => {
  const stages = [jitter(2), jitter(1)]
  const plain = stages.map(wrapped)

  test("runs over columns, over samples or by itself, as the profile says, and delivers the same", async () => {
    const whole = await run(columns, stages)
    expect(took()).toEqual(["columns"])
    const fused = await run(samples, stages)
    expect(took()).toEqual(["samples", "columns"])
    const alone = await run(columns, plain)
    expect(took()).toEqual(["alone", "samples", "columns"])
    expect(whole.forms).toEqual({ sample: "", "jitter 0 + jitter 1": "columns", batch: "columns" })
    expect(fused.forms).toEqual({ sample: "", "dataset points": "", "jitter 0 + jitter 1": "fused", batch: "" })
    const one = { "jitter 0": "samples", "jitter 1": "samples" }
    expect(alone.forms).toEqual({ sample: "", "dataset points": "", ...one, batch: "" })
    expect(whole.table).toMatch(/jitter 0 \+ jitter 1 .*columns/)
    expect(alone.table).toMatch(/jitter 1 .*samples/)
    expect(fused.batches).toEqual(whole.batches)
    expect(alone.batches).toEqual(whole.batches)
    expect(whole.batches.flatMap((batch) => Array.from(batch.x.data))).not.toEqual(Array.from(x))
  })

  test("is fused up to the first closure around one, and delivers the same", async () => {
    const stage = fc.record({ width: fc.integer({ min: 1, max: 3 }), closure: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(stage, { minLength: 1, maxLength: 5 }), async (given) => {
        const row = given.toSorted((a, b) => b.width - a.width)
        const mixed = row.map(({ closure, width }) => (closure ? wrapped(jitter(width)) : jitter(width)))
        const own = await run(columns, mixed)
        const alone = await run(
          samples,
          row.map(({ width }) => wrapped(jitter(width)))
        )
        expect(own.batches).toEqual(alone.batches)
        // A run of bare stages is one step.
        const steps = row
          .map(({ closure }, place) => (closure ? `|jitter ${place}|` : `jitter ${place}`))
          .join(" + ")
          .split(/(?: \+ )?\|(?: \+ )?/)
          .filter((step) => step !== "")
        for (const step of steps) expect(own.stages).toContain(step)
      }),
      { numRuns: 40 }
    )
  })

  test("gives its columns the element types that the batch asks for", async () => {
    const whole = await run(columns, stages, "float32")
    expect(whole.batches.map((batch) => [batch.x, batch.y].map((column) => column.dtype))[0]).toEqual([
      "float32",
      "float64"
    ])
    expect(whole.batches).toEqual((await run(columns, plain, "float32")).batches)
  })

  test("is refused where it must not follow another one, when the run is opened", async () => {
    const refused = run(columns, [jitter(1), jitter(2)])
    await expect(refused).rejects.toThrow("the width must be at most 1, got 2")
    expect(took()).toEqual([])
  })

  test("drops out of the columns where a field is none of its kind", async () => {
    const integers = Dataset.fromColumns({ x: Float64Array.from(x), y: Int32Array.from(y) }, name)
    const own = await run(integers, stages)
    expect(took()).toEqual(["samples"])
    expect(own.batches).toEqual((await run(samples, plain)).batches)
  })
})
