import { describe, expect, test } from "bun:test"
import { Cause, Context, Effect, Either, Exit, Layer, Option, Schedule, Stream } from "effect"
import * as SeedAudit from "../src/audit/SeedAudit.ts"
import { InvalidOption } from "../src/core/InvalidOption.ts"
import * as Tensor from "../src/core/Tensor.ts"
import { furrow } from "../src/furrow.ts"
import * as Image from "../src/image/Image.ts"
import * as Pipeline from "../src/pipeline/Pipeline.ts"
import * as Rng from "../src/random/Rng.ts"
import * as Seed from "../src/random/Seed.ts"
import * as Sampler from "../src/sampling/Sampler.ts"
import * as Workers from "../src/scheduler/backends/Workers.ts"
import * as FailurePolicy from "../src/scheduler/loader/FailurePolicy.ts"
import * as Scheduler from "../src/scheduler/loader/Scheduler.ts"
import { type Coordinates, CoordinatesError, stageId } from "../src/seeding/Coordinates.ts"
import { coordinates, seedAt } from "../src/seeding/Request.ts"
import * as SeedPolicy from "../src/seeding/SeedPolicy.ts"
import * as Dataset from "../src/sources/Dataset.ts"
import {
  constant,
  type Draw,
  failing,
  Recording,
  recording,
  ScriptExhausted,
  ScriptMismatch,
  scripted
} from "../src/testing.ts"
import type { PartialOptions } from "./support/options.ts"

const request = (own: Partial<SeedPolicy.Request> = {}): SeedPolicy.Request => ({
  scope: "sample",
  stage: stageId("crop"),
  epoch: 1,
  rank: 0,
  world: 1,
  worker: 1,
  workers: 2,
  batch: 3,
  ordinal: 8,
  position: 24,
  indices: [70, 50, 60],
  distinct: true,
  ...own
})

const epoch = (own: Partial<SeedPolicy.Request> = {}) =>
  request({
    scope: "epoch",
    stage: stageId("sample"),
    batch: 0,
    ordinal: 0,
    position: 0,
    worker: 0,
    indices: [0],
    ...own
  })

const ask = <E>(layer: Layer.Layer<SeedPolicy.SeedPolicy, E>, own: SeedPolicy.Request) =>
  SeedPolicy.SeedPolicy.pipe(
    Effect.flatMap((policy) => policy.seeds(own)),
    Effect.map((seeds) => Array.from({ length: own.indices.length }, (_, row) => seedAt(seeds, row))),
    Effect.provide(layer)
  )

const seeds = <E>(layer: Layer.Layer<SeedPolicy.SeedPolicy, E>, own = request()) => Effect.runSync(ask(layer, own))

/** The generators of a request's rows, each from its seed as plain data. */
const rngs = <E>(layer: Layer.Layer<SeedPolicy.SeedPolicy, E>, own = request()) =>
  seeds(layer, own).map((seed) => Rng.make(JSON.parse(JSON.stringify(Seed.validate(seed)))))

const one = <E>(layer: Layer.Layer<SeedPolicy.SeedPolicy, E>, own = request()): Rng.Rng => {
  const [rng] = rngs(layer, own)
  if (rng === undefined) throw new Error("the request asks for no seed")
  return rng
}

const thrown = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error("nothing was thrown")
}

const service = <E>(layer: Layer.Layer<SeedPolicy.SeedPolicy, E>) =>
  Effect.runSync(Effect.provide(SeedPolicy.SeedPolicy, layer))

/** Eight samples that draw in two stages, shuffled, in batches of two. */
const digits = Pipeline.from(Dataset.range(8)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("crop", (index: number, rng) => ({ index, crop: rng.integer(9) })),
  Pipeline.augment("noise", (sample, rng) => ({ ...sample, noise: rng.normal() })),
  Pipeline.batch(2)
)

const rows = (options: PartialOptions = {}, workers = 2) =>
  Scheduler.stream(digits, { replay: true, epochs: 1, ...options }).pipe(
    Stream.runCollect,
    Effect.map((batches) =>
      Array.from(batches).flatMap(({ columns: { crop, index, noise } }) =>
        Array.from(index.data, (value, row) => ({ index: value, crop: crop.data[row], noise: noise.data[row] }))
      )
    ),
    Effect.provide(Workers.fibers({ workers }))
  )

describe("constant", () => {
  test("every place has one and the same start state", () => {
    const places = [
      request(),
      request({ epoch: 9, worker: 0, rank: 3, world: 4 }),
      request({ stage: stageId("flip") }),
      request({ scope: "batch", indices: [4] }),
      epoch()
    ]
    const states = new Set(places.flatMap((own) => seeds(constant(7), own).map(Seed.format)))
    expect([...states]).toEqual([Seed.format({ algorithm: "xoshiro128**", words: seeds(constant(7))[0]?.words ?? [] })])
  })

  test("the state hangs on the seed", () => {
    expect(rngs(constant(7)).map((rng) => rng.word())).toEqual([3765819744, 3765819744, 3765819744])
    const first = [constant(), constant(0), constant(1), constant(7n), constant("7")].map((layer) => one(layer).word())
    expect(first).toEqual([3420251723, 3420251723, 1649117212, 3765819744, 2998405676])
  })

  test("says what it is", () => {
    const { elastic, name, seed } = service(constant(7))
    expect({ elastic, name, seed }).toEqual({ elastic: true, name: "constant", seed: "7" })
  })

  test("a seed that is none is a typed error", () => {
    const built = Effect.runSync(Effect.either(ask(constant(-1), request())))
    expect(Either.isLeft(built) && built.left).toBeInstanceOf(Seed.SeedError)
  })

  test("through a pipeline: all samples draw the same, and an audit finds it", async () => {
    const program = Effect.gen(function* () {
      const all = yield* rows({ epochs: 2 })
      return { all, report: yield* (yield* SeedAudit.SeedAudit).report }
    })
    const { all, report } = await Effect.runPromise(Effect.provide(program, SeedAudit.counting(constant(7))))
    expect(all).toHaveLength(16)
    expect(new Set(all.map(({ crop }) => crop)).size).toBe(1)
    expect(new Set(all.map(({ noise }) => noise)).size).toBe(1)
    // Both epochs in one order, too.
    expect(all.slice(8)).toEqual(all.slice(0, 8))
    expect(report.started).toBe(2 + 2 * 2 * 8)
    expect(report.repeated).toBe(report.started - 1)
  })
})

describe("scripted", () => {
  test("the primitive draws come from the script as they are, from its start at each place", () => {
    const script = [4294967295, 0.25, 0.1, 8, -1.5, 2 ** 53 - 2]
    for (const rng of rngs(scripted(script))) {
      expect(rng.word()).toBe(4294967295)
      expect(rng.float()).toBe(0.25)
      expect(rng.double()).toBe(0.1)
      expect(rng.integer(9)).toBe(8)
      expect(rng.standardNormal()).toBe(-1.5)
      expect(rng.integer(2 ** 53 - 1)).toBe(2 ** 53 - 2)
    }
  })

  test("all else follows from those", () => {
    expect(one(scripted([0.5])).uniform(10, 20)).toBe(15)
    expect(one(scripted([-2])).normal(1, 0.25)).toBe(0.5)
    expect(one(scripted([3])).between(-1, 5)).toBe(2)
    const flips = one(scripted([0.2, 0.3]))
    expect([flips.bernoulli(0.3), flips.bernoulli(0.3)]).toEqual([true, false])
    expect(one(scripted([0, 0])).shuffle(["a", "b", "c"])).toEqual(["b", "c", "a"])
    expect(Array.from(one(scripted([0, 0])).permutation(3))).toEqual([1, 2, 0])
    expect(one(scripted([2, 0])).choice(4, 2)).toEqual([2, 1])
    expect(one(scripted([0.6, 0.2])).choice(2, 2, { replace: true, weights: [1, 1] })).toEqual([1, 0])
    expect(Array.from(one(scripted([1, 0.5])).fillNormal(new Float64Array(2), 10, 2))).toEqual([12, 11])
    expect(Array.from(one(scripted([0.5, 0.75])).fill(new Float64Array(2)))).toEqual([0.5, 0.75])
    expect(Array.from(one(scripted([0x04030201])).fill(new Uint8Array(4)))).toEqual([1, 2, 3, 4])
  })

  test("a record scripts the stages it names and no others", () => {
    const script = scripted({ crop: [4, 4] })
    expect(one(script).integer(9)).toBe(4)
    for (const own of [request({ stage: stageId("flip") }), epoch(), request({ stage: stageId("constructor") })]) {
      expect(seeds(script, own)).toEqual(seeds(SeedPolicy.epochWorker({ seed: 0 }), own))
    }
  })

  test("an array scripts samples and batches, and leaves the order of an epoch", () => {
    expect(seeds(scripted([1]), epoch())).toEqual(seeds(SeedPolicy.epochWorker({ seed: 0 }), epoch()))
    expect(one(scripted([1]), request({ scope: "batch", indices: [0] })).word()).toBe(1)
  })

  test("a record can script the order of an epoch", () => {
    expect(one(scripted({ sample: [3] }), epoch()).integer(4)).toBe(3)
  })

  test("a function scripts by place, row by row", () => {
    const script = scripted((at) => (at.index === 50 ? undefined : [at.index, at.ordinal, at.position]))
    const drawn = rngs(script).map((rng) => [rng.word(), rng.word(), rng.word()])
    const usual = rngs(SeedPolicy.epochWorker({ seed: 0 })).map((rng) => [rng.word(), rng.word(), rng.word()])
    expect(drawn[0]).toEqual([70, 8, 24])
    expect(drawn[1]).toEqual(usual[1] ?? [])
    expect(drawn[2]).toEqual([60, 10, 26])
  })

  test("a function that throws is a typed error with the place", () => {
    const script = scripted(({ index }) => {
      if (index === 60) throw new TypeError("no such row")
      return [1]
    })
    const error = Effect.runSync(Effect.flip(ask(script, request())))
    expect(error).toBeInstanceOf(CoordinatesError)
    expect(error.coordinates.index).toBe(60)
    expect(error.reason).toBe("the script threw TypeError: no such row")
  })

  test("the policy below can be chosen, and is not asked where the script has it all", () => {
    const own = request({ stage: stageId("flip") })
    const rest = SeedPolicy.elastic({ seed: 9 })
    expect(seeds(scripted({ crop: [1] }, rest), own)).toEqual(seeds(rest, own))
    const { elastic, name, seed } = service(scripted([1], rest))
    expect({ elastic, name, seed }).toEqual({ elastic: true, name: "scripted", seed: "9" })

    const refusing = failing(() => true)
    expect(one(scripted([5], refusing)).word()).toBe(5)
    expect(Effect.runSync(Effect.flip(ask(scripted({ flip: [5] }, refusing), request())))).toBeInstanceOf(
      CoordinatesError
    )
  })

  test("a script that runs out is a typed error that names the place", () => {
    const rng = one(scripted([4, 4]))
    rng.integer(9)
    rng.integer(9)
    const error = thrown(() => rng.integer(9))
    expect(error).toBeInstanceOf(ScriptExhausted)
    if (!(error instanceof ScriptExhausted)) return
    expect(error._tag).toBe("ScriptExhausted")
    expect(error.coordinates).toEqual(coordinates(request(), 0))
    expect({ length: error.length, asked: error.asked }).toEqual({ length: 2, asked: "integer(9)" })
    expect(error.message).toBe(
      "the script is at its end: after its 2 draws, integer(9) asks for one more at " +
        'epoch 1, stage "crop", rank 0 of 1, worker 1 of 2, batch 3, sample 70 (position 24, ordinal 8); ' +
        "give the script more draws"
    )
  })

  test("an empty script is at its end at once", () => {
    const error = thrown(() => one(scripted([])).float())
    expect(error).toMatchObject({ _tag: "ScriptExhausted", length: 0, asked: "float()" })
  })

  test.each([
    ["word", -1],
    ["word", 0.5],
    ["word", 2 ** 32],
    ["float", 1],
    ["float", -0.1],
    ["double", 1],
    ["double", Number.NaN],
    ["integer", 9],
    ["integer", 1.5],
    ["integer", -1],
    ["standardNormal", Number.POSITIVE_INFINITY]
  ] as const)("%s can never give %s", (method, value) => {
    const [, second] = rngs(scripted([0, value]))
    if (second === undefined) throw new Error("the request has three rows")
    second.word()
    const error = thrown(() => (method === "integer" ? second.integer(9) : second[method]()))
    expect(error).toBeInstanceOf(ScriptMismatch)
    if (!(error instanceof ScriptMismatch)) return
    expect(error._tag).toBe("ScriptMismatch")
    expect(error.coordinates).toEqual(coordinates(request(), 1))
    expect(error).toMatchObject({
      draw: 1,
      length: 2,
      value,
      asked: method === "integer" ? "integer(9)" : `${method}()`
    })
    expect(error.message).toContain(`draw 1 of the script (of 2, counted from 0) is ${value}, but ${error.asked} gives`)
    expect(error.message).toContain("sample 50 (position 25, ordinal 9)")
  })

  test("a bound that is none is the caller's fault, not the script's", () => {
    const rng = one(scripted([0]))
    expect(() => rng.integer(0)).toThrow(InvalidOption)
    expect(() => rng.integer(1.5)).toThrow("bound must be a whole number of at least 1, got 1.5")
    expect(rng.integer(1)).toBe(0)
  })

  test("a fork is an ordinary stream, another at each place, and takes nothing from the script", () => {
    const drawn = rngs(scripted([4])).map((rng) => {
      const fork = rng.fork("mask")
      return [fork.word(), fork.word(), rng.word()]
    })
    expect(new Set(drawn.map(([first]) => first)).size).toBe(3)
    expect(drawn.map(([, , script]) => script)).toEqual([4, 4, 4])
    expect(
      one(scripted([4]))
        .fork("mask")
        .word()
    ).toBe(
      one(scripted([4]))
        .fork("mask")
        .word()
    )
  })

  test("through a pipeline: the scripted stage draws the script, the shuffle and the other stage as ever", async () => {
    const usual = await Effect.runPromise(Effect.provide(rows(), SeedPolicy.epochWorker({ seed: 0 })))
    const all = await Effect.runPromise(Effect.provide(rows(), scripted({ crop: [4] })))
    expect(usual.map(({ index }) => index)).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(new Set(usual.map(({ crop }) => crop)).size).toBeGreaterThan(1)
    expect(all).toEqual(usual.map((row) => ({ ...row, crop: 4 })))
  })

  test("through a pipeline: its errors come as the cause of the stage's, typed", () => {
    const replay = (layer: Layer.Layer<SeedPolicy.SeedPolicy>) =>
      Scheduler.replay(digits, { epoch: 0, position: 5, workers: 2 }).pipe(
        Effect.flip,
        Effect.provide(layer),
        Effect.runSync
      )
    const exhausted = replay(scripted({ noise: [] }))
    expect(exhausted._tag).toBe("StageError")
    if (exhausted._tag !== "StageError") return
    expect(exhausted.stage).toBe("noise")
    expect(exhausted.cause).toBeInstanceOf(ScriptExhausted)
    expect(exhausted.cause).toMatchObject({
      asked: "standardNormal()",
      coordinates: { epoch: 0, worker: 0, workers: 2, batch: 2, position: 5, ordinal: 3, index: exhausted.sample }
    })

    const mismatch = replay(scripted({ crop: [9] }))
    expect(mismatch).toMatchObject({ _tag: "StageError", stage: "crop", cause: { _tag: "ScriptMismatch", value: 9 } })
  })

  test("through image stages: a crop and a flip as they are written down", async () => {
    const pixels = Uint8Array.from({ length: 9 }, (_, index) => index + 1)
    const images = Pipeline.from(Dataset.fromArray([Tensor.make(pixels, [3, 3, 1])])).pipe(
      Pipeline.augment("crop", Image.randomCrop({ size: 3, padding: 1 })),
      Pipeline.augment("flip", Image.randomHorizontalFlip()),
      Pipeline.batch(1)
    )
    const made = async (crop: ReadonlyArray<number>, flip: number) => {
      const layer = Layer.merge(scripted({ crop, flip: [flip] }), Workers.fibers({ workers: 1 }))
      for await (const { columns } of Scheduler.iterate(images, layer, { replay: true, epochs: 1 }))
        return Array.from(columns.data)
      throw new Error("there is one batch")
    }
    // Of the places 0, 1 and 2 on each axis the middle one is the image itself.
    expect(await made([1, 1], 0.5)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(await made([1, 1], 0.4)).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7])
    expect(await made([0, 2], 0.5)).toEqual([0, 0, 0, 2, 3, 0, 5, 6, 0])
  })

  test("through a stream: the run ends with that error", async () => {
    const exit = await Effect.runPromiseExit(Effect.provide(rows(), scripted({ crop: [] })))
    const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
    expect(failure).toMatchObject({ _tag: "StageError", stage: "crop", cause: { _tag: "ScriptExhausted", length: 0 } })
  })
})

describe("a double that names a stage which is not there", () => {
  const pipeline = Pipeline.from(Dataset.range(4)).pipe(
    Pipeline.sample(Sampler.shuffle),
    Pipeline.augment("crop", (x, rng) => x + rng.integer(9)),
    Pipeline.map("scale", (x) => x),
    Pipeline.batch(2)
  )
  const opened = <E>(policy: Layer.Layer<SeedPolicy.SeedPolicy, E>, own: typeof pipeline = pipeline, workers = 1) =>
    Stream.runDrain(Scheduler.stream(own, { epochs: 1 })).pipe(
      Effect.match({ onFailure: (error): unknown => error, onSuccess: () => "ran" }),
      Effect.provide(policy),
      Effect.provide(Workers.fibers({ workers })),
      Effect.runPromise
    )
  const none = (name: string, policy: string) => ({
    _tag: "InvalidOption",
    message: `a stage of the policy ${policy} must be a stage that draws: sample, crop, got "${name}"`
  })

  test("is refused when the run is opened, with the stages there are", async () => {
    expect(await opened(scripted({ crop: [1, 2], crob: [1] }))).toMatchObject(none("crob", "scripted"))
    expect(await opened(failing({ stage: "crob" }))).toMatchObject(none("crob", "failing"))
    expect(await opened(scripted({ crop: [1, 2] }))).toBe("ran")
  })

  test("also a stage that draws nothing, and one by a name that objects have from birth", async () => {
    expect(await opened(scripted({ scale: [1] }))).toMatchObject(none("scale", "scripted"))
    expect(await opened(scripted({ batch: [1] }))).toMatchObject(none("batch", "scripted"))
    expect(await opened(scripted(Object.fromEntries([["__proto__", [1]]])))).toMatchObject(
      none("__proto__", "scripted")
    )
    expect(await opened(scripted(Object.fromEntries([["constructor", [1]]])))).toMatchObject(
      none("constructor", "scripted")
    )
  })

  test("also below another double, an audit, a recording", async () => {
    const script = scripted({ crob: [1] })
    for (const policy of [
      recording(script),
      SeedAudit.counting(script),
      scripted({ crop: [1] }, script),
      failing({ stage: "crop" }, script)
    ]) {
      expect(await opened(policy)).toMatchObject({ _tag: "InvalidOption", value: "crob" })
    }
  })

  test("and in a replay", async () => {
    const replayed = Scheduler.replay(pipeline, { epoch: 0, position: 0, workers: 1 })
    const error = await Effect.runPromise(Effect.flip(Effect.provide(replayed, scripted({ crob: [1] }))))
    expect(error).toMatchObject(none("crob", "scripted"))
  })

  test("under derive every stage draws, if asked to", async () => {
    const deriving = pipeline.pipe(Pipeline.ambient("derive"))
    expect(await opened(scripted({ crop: [1], scale: [0.5] }), deriving)).toBe("ran")
    expect(await opened(scripted({ scales: [0.5] }), deriving)).toMatchObject({
      _tag: "InvalidOption",
      value: "scales"
    })
  })
})

describe("recording", () => {
  test("sees what ambient calls draw under `derive`, too", () => {
    const pipeline = Pipeline.from(Dataset.range(1)).pipe(
      Pipeline.augment("m", (_, rng) => Math.random() + rng.float()),
      Pipeline.ambient("derive"),
      Pipeline.batch(1)
    )
    const drawn = Effect.gen(function* () {
      yield* Scheduler.replay(pipeline, { epoch: 0, position: 0, workers: 1 })
      return (yield* (yield* Recording).draws).map(({ coordinates, method }) => [coordinates.stage.name, method])
    }).pipe(Effect.provide(recording()), Effect.runSync)
    expect(drawn).toEqual([
      ["m", "ambient/double"],
      ["m", "float"]
    ])
  })

  const at = (own: Partial<Coordinates> & { readonly name?: string } = {}): Draw => {
    const { name = "crop", ...rest } = own
    return {
      coordinates: { ...coordinates(request(), 0), stage: stageId(name), ...rest },
      method: "word",
      arguments: [],
      value: 0
    }
  }

  const reported = (...batches: ReadonlyArray<ReadonlyArray<Draw>>) =>
    Effect.gen(function* () {
      const { record } = yield* SeedPolicy.SeedPolicy
      if (record === undefined) return yield* Effect.die("no record")
      for (const draws of batches) record(draws)
      return yield* (yield* Recording).draws
    }).pipe(Effect.provide(recording()), Effect.runSync)

  test("seeds as the policy below", () => {
    expect(seeds(recording())).toEqual(seeds(SeedPolicy.epochWorker({ seed: 0 })))
    const inner = SeedPolicy.elastic({ seed: 5 })
    expect(seeds(recording(inner))).toEqual(seeds(inner))
    const { elastic, name, seed } = service(recording(inner))
    expect({ elastic, name, seed }).toEqual({ elastic: true, name: "elastic", seed: "5" })
  })

  test("nothing drawn, nothing recorded", () => {
    expect(reported()).toEqual([])
    expect(reported([], [])).toEqual([])
  })

  test("sorts by epoch, order first, rank, batch, sample; stages as they were made, those behind batch last", () => {
    const sorted = [
      at({ epoch: 0, scope: "epoch", name: "sample", batch: 0, position: 0 }),
      at({ epoch: 0, batch: 0, position: 0 }),
      at({ epoch: 0, batch: 0, position: 0, name: "flip" }),
      at({ epoch: 0, batch: 0, position: 1, name: "flip" }),
      at({ epoch: 0, batch: 0, scope: "batch", position: 0, name: "mixup" }),
      at({ epoch: 0, batch: 1, position: 2 }),
      at({ epoch: 0, batch: 10, position: 20 }),
      at({ epoch: 0, rank: 1, batch: 0, position: 1 }),
      at({ epoch: 1, scope: "epoch", name: "sample", batch: 0, position: 0 }),
      at({ epoch: 1, batch: 0, position: 0, name: "zoom" })
    ]
    const [order, crop, flip, other, mixup, b1, b10, rank1, order1, last] = sorted
    const made = [[last], [order1], [rank1], [b10], [b1], [mixup, crop, other, flip], [order]]
    const draws = made.map((batch) => batch.filter((draw) => draw !== undefined))
    expect(reported(...draws)).toEqual(sorted)
  })

  const run = (workers: number, options: PartialOptions = {}) =>
    Effect.gen(function* () {
      const all = yield* rows(options, workers)
      return { all, draws: yield* (yield* Recording).draws }
    }).pipe(Effect.provide(recording(SeedPolicy.epochWorker({ seed: 3 }))), Effect.runPromise)

  test("through a pipeline: every draw with its place, and the batches are those of the policy alone", async () => {
    const { all, draws } = await run(2)
    expect(all).toEqual(await Effect.runPromise(Effect.provide(rows(), SeedPolicy.epochWorker({ seed: 3 }))))
    const order = draws.filter(({ coordinates }) => coordinates.scope === "epoch")
    expect(order.length).toBeGreaterThan(0)
    expect(draws.slice(0, order.length)).toEqual(order)
    const rest = draws.slice(order.length)
    expect(rest.map(({ coordinates: { stage }, method }) => `${stage.name}.${method}`)).toEqual(
      all.flatMap(() => ["crop.integer", "noise.normal"])
    )
    expect(rest.map(({ value }) => value)).toEqual(all.flatMap(({ crop, noise }) => [crop, noise]))
    expect(rest.map(({ coordinates }) => coordinates.index)).toEqual(all.flatMap(({ index }) => [index, index]))
    expect(rest.map(({ coordinates }) => coordinates.position)).toEqual(all.flatMap((_, row) => [row, row]))
    expect(rest.map(({ coordinates }) => coordinates.worker)).toEqual(
      all.flatMap((_, row) => [(row >> 1) & 1, (row >> 1) & 1])
    )
    expect(rest[0]?.arguments).toEqual([9])
    expect(rest[1]?.arguments).toEqual([0, 1])
  })

  test("the record does not hang on timing: two runs, and one in the order of readiness", async () => {
    const { draws } = await run(3, { epochs: 2 })
    expect((await run(3, { epochs: 2, prefetch: 5 })).draws).toEqual(draws)
    expect((await run(3, { epochs: 2, order: "ready" })).draws).toEqual(draws)
  })

  test("nor does it when a stage's effects overlap", async () => {
    const waits = Pipeline.from(Dataset.range(6)).pipe(
      Pipeline.augmentEffect(
        "slow",
        (index: number, rng) =>
          Effect.gen(function* () {
            const first = rng.word()
            yield* Effect.sleep(6 - index)
            return first ^ rng.word()
          }),
        { concurrency: 6 }
      ),
      Pipeline.batch(6)
    )
    const draws = await Effect.gen(function* () {
      yield* Stream.runDrain(Scheduler.stream(waits, { epochs: 1 }))
      return yield* (yield* Recording).draws
    }).pipe(Effect.provide(recording()), Effect.provide(Workers.fibers({ workers: 1 })), Effect.runPromise)
    expect(draws.map(({ coordinates }) => coordinates.index)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
  })

  test("two recordings and an audit around one policy are all told", async () => {
    const kept: Array<Draw> = []
    const inner = Layer.map(SeedPolicy.epochWorker({ seed: 3 }), (context) =>
      Context.make(SeedPolicy.SeedPolicy, {
        ...Context.get(context, SeedPolicy.SeedPolicy),
        record: (draws) => void kept.push(...draws)
      })
    )
    const program = Effect.gen(function* () {
      yield* rows({}, 2)
      const { draws } = yield* Recording
      const { report } = yield* SeedAudit.SeedAudit
      return { draws: yield* draws, report: yield* report }
    })
    const recorded = recording(SeedAudit.counting(SeedAudit.counting(inner)))
    const audited = SeedAudit.counting(recorded)
    const { draws, report } = await Effect.runPromise(Effect.provide(program, audited))
    expect(report.started).toBeGreaterThan(0)
    expect(draws.length).toBeGreaterThan(0)
    expect(kept).toHaveLength(draws.length)
  })

  test("what an attempt drew that failed is not recorded", async () => {
    const drawn = async (fails: boolean) => {
      const failed = new Set<number>()
      const flaky = Pipeline.from(Dataset.range(6)).pipe(
        Pipeline.augment("flaky", (index: number, rng) => {
          const word = rng.word()
          if (fails && index % 2 === 1 && !failed.has(index)) {
            failed.add(index)
            throw new Error("not yet")
          }
          return word ^ rng.word()
        }),
        Pipeline.batch(3)
      )
      const draws = await Effect.gen(function* () {
        yield* Stream.runDrain(Scheduler.stream(flaky, { epochs: 1 }))
        return yield* (yield* Recording).draws
      }).pipe(
        Effect.provide(recording()),
        Effect.provide(FailurePolicy.retry(Schedule.recurs(1))),
        Effect.provide(Workers.fibers({ workers: 1 })),
        Effect.runPromise
      )
      const text = draws.map(({ coordinates, value }) => `${coordinates.index}: ${value}`)
      return { failed: failed.size, draws: text.toSorted() }
    }
    const well = await drawn(false)
    expect(well.draws).toHaveLength(12)
    expect(await drawn(true)).toEqual({ failed: 3, draws: well.draws })
  })

  test("it records what a script gives", async () => {
    const draws = await Effect.gen(function* () {
      yield* rows()
      return yield* (yield* Recording).draws
    }).pipe(Effect.provide(recording(scripted({ crop: [4] }))), Effect.runPromise)
    const crops = draws.filter(({ coordinates }) => coordinates.stage.name === "crop")
    expect(crops.map(({ value }) => value)).toEqual([4, 4, 4, 4, 4, 4, 4, 4])
  })
})

describe("failing", () => {
  const refused = (layer: Layer.Layer<SeedPolicy.SeedPolicy>, own = request()) =>
    Effect.runSync(Effect.either(ask(layer, own)))

  test("fails at the first place it picks, and says that it is a double", () => {
    const error = Effect.runSync(
      Effect.flip(
        ask(
          failing(({ index }) => index < 65),
          request()
        )
      )
    )
    expect(error).toBeInstanceOf(CoordinatesError)
    expect(error.coordinates).toEqual(coordinates(request(), 1))
    expect(error).toMatchObject({
      policy: "failing",
      seed: "0",
      reason: "the test double `failing` refuses these coordinates"
    })
    expect(error.message).toContain("sample 50 (position 25, ordinal 9)")
  })

  test("seeds as the policy below everywhere else", () => {
    expect(seeds(failing({ index: 51 }))).toEqual(seeds(SeedPolicy.epochWorker({ seed: 0 })))
    const rest = SeedPolicy.elastic({ seed: 4 })
    expect(seeds(failing({ index: 51 }, rest))).toEqual(seeds(rest))
    const { elastic, name, seed } = service(failing({ index: 51 }, rest))
    expect({ elastic, name, seed }).toEqual({ elastic: true, name: "failing", seed: "4" })
  })

  test.each([
    [{ stage: "crop" }, true],
    [{ stage: "flip" }, false],
    [{ epoch: 1, index: 60 }, true],
    [{ epoch: 0, index: 60 }, false],
    [{ epoch: 1, index: 61 }, false],
    [{ worker: 1, workers: 2, rank: 0, world: 1, batch: 3 }, true],
    [{ ordinal: 10, position: 26 }, true],
    [{ ordinal: 11 }, false],
    [{ scope: "sample", distinct: true }, true],
    [{ scope: "batch" }, false]
  ] as const)("by fields: %j of a batch of samples: %s", (place, picked) => {
    expect(Either.isLeft(refused(failing(place)))).toBe(picked)
  })

  test("by where rows come from, which scripts and errors are told, too", () => {
    const rows = { mix: { components: [2, 2], passes: [0, 1] }, windows: [7, 7], children: [0, 3] }
    const own = request({ rows, indices: [50, 51] })
    for (const place of [{ component: 2 }, { pass: 1 }, { window: 7, child: 3 }]) {
      expect(Either.isLeft(refused(failing(place), own))).toBe(true)
    }
    expect(Either.isRight(refused(failing({ component: 1 }), own))).toBe(true)
    expect(Either.isRight(refused(failing({ child: 3 }), request()))).toBe(true)
    const message = String(Either.getOrThrow(Either.flip(refused(failing({ child: 3 }), own))))
    expect(message).toContain("component 2, pass 1, window 7, child 3 (position ")
    const [first, second] = rngs(
      scripted(({ child }) => [child ?? 9]),
      own
    )
    expect([first?.word(), second?.word()]).toEqual([0, 3])
  })

  test("a field picks only places that have it", () => {
    expect(Either.isRight(refused(failing({ index: 0 }), epoch()))).toBe(true)
    expect(Either.isRight(refused(failing({ worker: 0 }), epoch()))).toBe(true)
    expect(Either.isLeft(refused(failing({ epoch: 1 }), epoch()))).toBe(true)
    const mixup = request({ scope: "batch", stage: stageId("mixup"), indices: [70] })
    expect(Either.isRight(refused(failing({ index: 70 }), mixup))).toBe(true)
    expect(Either.isLeft(refused(failing({ batch: 3 }), mixup))).toBe(true)
  })

  test("no field, or one that is none, is refused at once", () => {
    expect(() => failing({})).toThrow(InvalidOption)
    // A misspelt field from code without types.
    expect(() => failing(JSON.parse('{ "sample": 3 }'))).toThrow(InvalidOption)
    expect(() => failing(JSON.parse('{ "epoch": 0, "toString": 3 }'))).toThrow(InvalidOption)
  })

  test("through a pipeline: the run fails with it, after the batches before", async () => {
    const taken: Array<number> = []
    const program = Scheduler.stream(digits, { epochs: 1 }).pipe(
      Stream.runForEach((batch) => Effect.sync(() => taken.push(batch.index))),
      Effect.flip,
      Effect.provide(failing({ stage: "noise", batch: 2 })),
      Effect.provide(Workers.fibers({ workers: 2 }))
    )
    const error = await Effect.runPromise(program)
    expect(error).toMatchObject({ _tag: "CoordinatesError", policy: "failing", coordinates: { batch: 2, position: 4 } })
    expect(taken).toEqual([0, 1])
  })

  test("through a pipeline: the order of an epoch can fail, too", async () => {
    const error = await Effect.runPromise(
      Effect.flip(Effect.provide(rows({ epochs: 3 }), failing({ stage: "sample", epoch: 1 })))
    )
    expect(error).toMatchObject({ _tag: "CoordinatesError", coordinates: { scope: "epoch", epoch: 1 } })
  })
})

describe("as layers", () => {
  test("each swaps in for the policy of production without a change to the program", async () => {
    const production: Effect.Effect<unknown, unknown, SeedPolicy.SeedPolicy> = rows()
    const exits = await Promise.all(
      [constant(1), scripted({ crop: [0] }), recording(), failing({ epoch: 5 })].map((layer) =>
        Effect.runPromiseExit(Effect.provide(production, layer))
      )
    )
    expect(exits.map((exit) => exit._tag)).toEqual(["Success", "Success", "Success", "Success"])
  })
})

describe("doubles that code without types makes", () => {
  const pipeline = Pipeline.from(Dataset.range(4)).pipe(
    Pipeline.augment("n", (x, rng) => x + rng.integer(9)),
    Pipeline.batch(2)
  )
  const errorOf = async (policy: Layer.Layer<SeedPolicy.SeedPolicy>) => {
    const run = furrow(pipeline, { policy, epochs: 1 })
    const error: unknown = await run.take().catch((thrown) => thrown)
    await run.close()
    return error
  }

  test("a double around what is not a policy throws at once", () => {
    for (const policy of [{}, null, 5])
      expect(() => Reflect.apply(recording, undefined, [policy])).toThrow(InvalidOption)
  })

  test("a function that gives a promise is refused at its coordinates", async () => {
    const matches: unknown = async () => false
    expect(await errorOf(failing(matches as () => boolean))).toMatchObject({
      _tag: "CoordinatesError",
      reason: "the function of `failing` gave an object of Promise instead of true or false"
    })
    for (const given of [Promise.resolve([4]), null, "x", { 0: 4, length: 1 }]) {
      const script: unknown = () => given
      const error = await errorOf(scripted(script as () => Array<number>))
      expect(error).toMatchObject({ _tag: "CoordinatesError", coordinates: { stage: { name: "n" }, index: 0 } })
      expect((error as Error).message).toContain("what the script returns must be an array of numbers")
    }
  })
})
