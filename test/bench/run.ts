/**
 * `bun run bench`: what Furrow costs, as ratios against rivals measured in the same run. `--json` prints one flat
 * object as the last line, ratios by key, and what was measured in its unit.
 *
 *   loader/loop      samples/s of the whole loader (fibers) over those of the best plain loop of the same work
 *   stream+4 draws   nanoseconds to derive a fresh stream and draw four numbers from it
 *   ambient          what governing Math.random costs a sample that does not use it
 */
import { Effect, Layer, Stream } from "effect"
import { Dataset, Image, Pipeline, Sampler, Scheduler, SeedPolicy, Tensor, Workers } from "../../src/index.ts"
import { runtime } from "../../src/runtime.ts"
import * as Ambient from "../../src/seeding/Ambient.ts"
import * as Philox from "../../src/seeding/generators/Philox.ts"
import { Xoshiro128 } from "../../src/seeding/generators/Xoshiro128.ts"
import { interleaved, type Measured } from "./measure.ts"
import { MEAN, STD, trainLoop } from "./rivals/loop.ts"

const SAMPLES = 60_000
const BATCH = 128
const SIDE = 28

const figures: Record<string, number> = {}
const say = (line: string): void => console.log(line)

const of = (measured: ReadonlyMap<string, Measured>, name: string): Measured => {
  const found = measured.get(name)
  if (found === undefined) throw new Error(`nothing was measured under "${name}"`)
  return found
}

const perSecond = (nanoseconds: number): number => 1e9 / nanoseconds

const row = ({ fastest, median, name, slowest }: Measured, unit: string): string =>
  `  ${name.padEnd(44)} ${median.toFixed(0).padStart(8)} ns/${unit}  ${(perSecond(median) / 1000).toFixed(0).padStart(7)}k ${unit}s/s` +
  `   (${fastest.toFixed(0)} … ${slowest.toFixed(0)})`

/** 60,000 images of noise: the work does not depend on what is on them. */
const images = new Uint8Array(SAMPLES * SIDE * SIDE)
new Xoshiro128().reseed(Uint32Array.of(1, 2, 3, 4), 0).fill(images)
const labels = Uint8Array.from({ length: SAMPLES }, (_, index) => index % 10)

const digits = Dataset.fromColumns({ image: Tensor.make(images, [SAMPLES, SIDE, SIDE, 1]), label: labels })
const pipeline = Pipeline.from(digits).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("crop", Image.randomCrop({ size: SIDE, padding: 4 })),
  Pipeline.augment("flip", Image.randomHorizontalFlip({ p: 0.5 })),
  Pipeline.map("normalise", Image.normalise({ mean: [MEAN], std: [STD] })),
  Pipeline.batch(BATCH, { dtypes: { label: "uint8" } })
)

let seed = 0
const loader =
  (workers: number, options: Scheduler.Options = {}) =>
  async (): Promise<number> => {
    const layer = Layer.merge(SeedPolicy.epochWorker({ seed: seed++ }), Workers.fibers(workers))
    await Effect.runPromise(Stream.runDrain(Scheduler.stream(pipeline, options)).pipe(Effect.provide(layer)))
    return SAMPLES
  }

const w1 = async (): Promise<void> => {
  say(
    `W1: ${SAMPLES} images ${SIDE}x${SIDE} uint8, shuffle, crop (padding 4), flip, normalise to float32, batch ${BATCH}`
  )
  const measured = await interleaved([
    { name: "plain hand-written loop", run: () => trainLoop(images, labels, SAMPLES, BATCH) },
    { name: "Furrow, 1 fiber", run: loader(1) },
    { name: "Furrow, 4 fibers", run: loader(4) },
    { name: 'Furrow, 4 fibers, order "ready"', run: loader(4, { order: "ready" }) },
    { name: "Furrow, 4 fibers, digest", run: loader(4, { digest: true }) }
  ])
  for (const each of measured.values()) say(row(each, "sample"))
  const loop = of(measured, "plain hand-written loop").median
  for (const name of ["Furrow, 1 fiber", "Furrow, 4 fibers"]) {
    say(`  ${name} / loop = ${(loop / of(measured, name).median).toFixed(3)}   (goal 0.85)`)
  }
  figures["loader/loop"] = loop / of(measured, "Furrow, 4 fibers").median
  figures["loader1/loop"] = loop / of(measured, "Furrow, 1 fiber").median
  figures["loader samples/s"] = perSecond(of(measured, "Furrow, 4 fibers").median)
  figures["loop samples/s"] = perSecond(loop)
  figures["digest share"] =
    1 - of(measured, "Furrow, 4 fibers").median / of(measured, "Furrow, 4 fibers, digest").median
}

const streams = async (): Promise<void> => {
  say("Streams: derive a stream at its coordinates, draw two bounded integers and two floats from it")
  const words = new Uint32Array(4 * BATCH)
  const rng = new Xoshiro128()
  let sink = 0
  const measured = await interleaved([
    {
      name: "Philox head + 4 draws of xoshiro128**",
      run: () => {
        for (let batch = 0; batch < 2000; batch++) {
          for (let at = 0; at < BATCH; at++) Philox.block(at, batch, 3, 4, 5, 6, words, 4 * at)
          for (let at = 0; at < BATCH; at++) {
            rng.reseed(words, 4 * at)
            sink += rng.integer(9) + rng.integer(9) + rng.float() + rng.float()
          }
        }
        return 2000 * BATCH
      }
    },
    {
      name: "the same 4 draws of Math.random",
      run: () => {
        for (let at = 0; at < 2000 * BATCH; at++) {
          sink += Math.floor(Math.random() * 9) + Math.floor(Math.random() * 9) + Math.random() + Math.random()
        }
        return 2000 * BATCH
      }
    }
  ])
  if (Number.isNaN(sink)) throw new Error("a draw was not a number")
  for (const each of measured.values()) say(row(each, "stream"))
  const fresh = of(measured, "Philox head + 4 draws of xoshiro128**").median
  say(`  ${fresh.toFixed(0)} ns a fresh stream and 4 draws   (goal 150)`)
  figures["stream+4 draws ns"] = fresh
  figures["stream+4 draws/Math.random"] = of(measured, "the same 4 draws of Math.random").median / fresh
}

const ambient = async (): Promise<void> => {
  say("Ambient: a stage that does not use Math.random, with and without the guard; and Math.random outside of stages")
  const atWork: Ambient.AtWork = {
    setting: "refuse",
    stage: () => "bench",
    drawing: () => undefined,
    derived: () => new Xoshiro128()
  }
  const values = new Float64Array(BATCH)
  const stage = (): void => {
    for (let at = 0; at < BATCH; at++) values[at] = (values[at] ?? 0) * 0.5 + at
  }
  const calls = 20_000
  const random = (): number => {
    let sum = 0
    for (let at = 0; at < 1_000_000; at++) sum += Math.random()
    return sum > 0 ? 1_000_000 : 0
  }
  const measured = await interleaved([
    {
      name: "a batch without the guard",
      run: () => {
        for (let call = 0; call < calls; call++) stage()
        return calls * BATCH
      }
    },
    {
      name: "a batch with the guard",
      run: () => {
        for (let call = 0; call < calls; call++) Ambient.plain(atWork, stage)
        return calls * BATCH
      }
    },
    { name: "Math.random, no run open", run: random },
    {
      name: "Math.random, a run open",
      run: () => Effect.runSync(Effect.scoped(Effect.andThen(Ambient.installed, Effect.sync(random))))
    }
  ])
  for (const each of measured.values()) say(row(each, "sample"))
  const without = of(measured, "a batch without the guard").median
  const cost = of(measured, "a batch with the guard").median - without
  say(`  the guard costs ${cost.toFixed(2)} ns a sample`)
  figures["ambient ns/sample"] = cost
}

say(`Furrow on ${runtime.name} ${runtime.version}`)
await w1()
await streams()
await ambient()
if (process.argv.includes("--json")) console.log(JSON.stringify(figures))
