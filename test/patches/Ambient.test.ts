import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import {
  Cache,
  Context,
  DefaultServices,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Hash,
  HashSet,
  Layer,
  Option,
  Random,
  Scope,
  Stream,
  Tracer
} from "effect"
import * as Ambient from "../../src/patches/Ambient.ts"
import type { Batch } from "../../src/pipeline/Batch.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import * as Rng from "../../src/random/Rng.ts"
import * as Workers from "../../src/scheduler/backends/Workers.ts"
import { StageError } from "../../src/scheduler/build/StageError.ts"
import * as Scheduler from "../../src/scheduler/loader/Scheduler.ts"
import * as SeedPolicy from "../../src/seeding/SeedPolicy.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

/** Everything that a run may change of the world around it. */
const world = () => ({
  random: Math.random,
  fill: crypto.getRandomValues,
  uuid: crypto.randomUUID,
  own: Object.getOwnPropertyNames(crypto),
  effect: Context.get(DefaultServices.liveServices, Random.Random),
  tracer: Context.get(DefaultServices.liveServices, Tracer.Tracer)
})

let before = world()
beforeEach(() => {
  before = world()
})
// Every test of this file is one of restoration, too.
afterEach(() => {
  const after = world()
  expect(after.random).toBe(before.random)
  expect(after.fill).toBe(before.fill)
  expect(after.uuid).toBe(before.uuid)
  expect(after.own).toEqual(before.own)
  expect(after.effect).toBe(before.effect)
  expect(after.tracer).toBe(before.tracer)
})

type Drawn = Pipeline.Pipeline<Batch<ReadonlyArray<unknown>>, unknown, SeedPolicy.SeedPolicy>

const SAMPLES = 12

const layerOf = (seed: number, workers: number) =>
  Layer.merge(SeedPolicy.epochWorker({ seed }), Workers.fibers({ workers }))

/** What the samples of a run are at its end. */
const values = (pipeline: Drawn, seed = 42): Promise<Array<unknown>> =>
  Stream.runCollect(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
    Effect.map((batches) => Array.from(batches).flatMap(({ columns }) => columns)),
    Effect.provide(layerOf(seed, 2)),
    Effect.runPromise
  )

const failure = (pipeline: Drawn): Promise<unknown> =>
  Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
    Effect.flip,
    Effect.provide(layerOf(42, 2)),
    Effect.runPromise
  )

const source = (setting: Ambient.Setting) => {
  const samples = Pipeline.from(Dataset.range(SAMPLES))
  // The types know of "derive" by itself only; here a policy is there in any case.
  return setting === "derive" ? samples.pipe(Pipeline.ambient(setting)) : samples.pipe(Pipeline.ambient(setting))
}

const collect = Pipeline.batchWith(4, (samples: ReadonlyArray<unknown>) => samples.slice())

/** The ways to reach for ambient randomness, by the names that errors give them. */
const calls: Readonly<Record<string, () => unknown>> = {
  "Math.random": () => Math.random(),
  "crypto.getRandomValues": () => Array.from(crypto.getRandomValues(new Uint8Array(16))).join(),
  "crypto.randomUUID": () => crypto.randomUUID()
}

const effects: Readonly<Record<string, Effect.Effect<unknown>>> = {
  "Random.next": Random.next,
  "Random.nextInt": Random.nextInt,
  "Random.nextBoolean": Effect.map(Effect.replicateEffect(Random.nextBoolean, 64), (flags) => flags.join()),
  "Random.nextRange": Random.nextRange(5, 6),
  "Random.nextIntBetween": Random.nextIntBetween(0, 2 ** 40),
  "Random.shuffle": Effect.map(Random.shuffle(Array.from({ length: 30 }, (_, index) => index)), (all) =>
    Array.from(all).join()
  )
}

/** The calls that a stage makes in plain code; Effect's `Random` it reaches by `Effect.runSync`. */
const plainCalls: Readonly<Record<string, () => unknown>> = {
  ...calls,
  "Random.next": () => Effect.runSync(Random.next)
}

const effectCalls: Readonly<Record<string, Effect.Effect<unknown>>> = {
  ...Object.fromEntries(Object.entries(calls).map(([call, draw]) => [call, Effect.sync(draw)])),
  ...effects
}

type Compose = (setting: Ambient.Setting) => Drawn

/** Each call in each kind of stage that does not draw. */
const notDrawing: ReadonlyArray<readonly [string, string, Compose]> = [
  ...Object.entries(plainCalls).flatMap(
    ([call, draw]): ReadonlyArray<readonly [string, string, Compose]> => [
      [call, "map", (setting) => source(setting).pipe(Pipeline.map("luck", draw), collect)],
      [
        call,
        "filter",
        (setting) => {
          // What a filter drew is seen by what the samples are afterwards.
          const drawn: Array<unknown> = []
          const keep = (index: number): boolean => {
            drawn[index] = draw()
            return true
          }
          return source(setting).pipe(
            Pipeline.filter("luck", keep),
            Pipeline.map("read", (index) => drawn[index]),
            collect
          )
        }
      ],
      [
        call,
        "map behind batch",
        (setting) =>
          source(setting).pipe(
            Pipeline.batch(4),
            Pipeline.map("luck", (batch) => ({ ...batch, columns: [draw()] }))
          )
      ]
    ]
  ),
  ...Object.entries(effectCalls).flatMap(
    ([call, draw]): ReadonlyArray<readonly [string, string, Compose]> => [
      [
        call,
        "mapEffect",
        (setting) =>
          source(setting).pipe(
            Pipeline.mapEffect("luck", () => draw),
            collect
          )
      ],
      [
        call,
        "mapEffect behind batch",
        (setting) =>
          source(setting).pipe(
            Pipeline.batch(4),
            Pipeline.mapEffect("luck", (batch) => Effect.map(draw, (drawn) => ({ ...batch, columns: [drawn] })))
          )
      ]
    ]
  )
]

/** The calls that are no Effect's `Random` in stages that draw. */
const drawing: ReadonlyArray<readonly [string, string, Compose]> = Object.entries(calls).flatMap(
  ([call, draw]): ReadonlyArray<readonly [string, string, Compose]> => [
    [call, "augment", (setting) => source(setting).pipe(Pipeline.augment("luck", draw), collect)],
    [
      call,
      "augmentEffect",
      (setting) =>
        source(setting).pipe(
          Pipeline.augmentEffect("luck", () => Effect.sync(draw)),
          collect
        )
    ],
    [
      call,
      "the function of augmentEffect",
      (setting) =>
        source(setting).pipe(
          Pipeline.augmentEffect("luck", () => Effect.succeed(draw())),
          collect
        )
    ],
    [
      call,
      "augment behind batch",
      (setting) =>
        source(setting).pipe(
          Pipeline.batch(4),
          Pipeline.augment("luck", (batch) => ({ ...batch, columns: [draw()] }))
        )
    ]
  ]
)

describe.each([...notDrawing, ...drawing])("%s in %s", (call, _kind, compose) => {
  test("refused: an error that names the call and the stage", async () => {
    const error = await failure(compose("refuse"))
    expect(error).toBeInstanceOf(StageError)
    expect(error).toMatchObject({ stage: "luck", batch: 0, cause: { _tag: "AmbientRandomness", call, stage: "luck" } })
    expect(error instanceof Error && error.message).toContain(
      `stage "luck" called ${call}, which no seed governs; draw from the stage's rng (Pipeline.augment), ` +
        'or choose Pipeline.ambient("derive") or Pipeline.ambient("leave")'
    )
  })

  test("derived: replayable, apart from place to place, and hanging on the seed", async () => {
    const first = await values(compose("derive"))
    expect(new Set(first).size).toBe(first.length)
    expect(await values(compose("derive"))).toEqual(first)
    const other = await values(compose("derive"), 43)
    expect(other.filter((value) => first.includes(value))).toEqual([])
  })

  test("left alone: not replayable", async () => {
    const first = await values(compose("leave"))
    const second = await values(compose("leave"))
    expect(first.filter((value) => second.includes(value))).toEqual([])
  })
})

describe("Effect's Random in a stage that draws is the stage's rng, whatever the setting", () => {
  const settings: ReadonlyArray<Ambient.Setting> = ["refuse", "derive", "leave"]
  test.each(settings)("%s", async (setting) => {
    const asked = await values(
      source(setting).pipe(
        Pipeline.augment("luck", (_, rng) => [rng.double(), rng.double()].join()),
        collect
      )
    )
    expect(new Set(asked).size).toBe(SAMPLES)
    const both = Effect.map(Effect.all([Random.next, Random.next]), (all) => all.join())
    const effectful = source(setting).pipe(
      Pipeline.augmentEffect("luck", () => both),
      collect
    )
    expect(await values(effectful)).toEqual(asked)
    const plain = source(setting).pipe(
      Pipeline.augment("luck", () => Effect.runSync(both)),
      collect
    )
    expect(await values(plain)).toEqual(asked)
  })

  test("draws by Random and by rng come from one stream, in turn", async () => {
    const asked = await values(
      source("refuse").pipe(
        Pipeline.augment("luck", (_, rng) => [rng.double(), rng.double(), rng.double()].join()),
        collect
      )
    )
    const turns = source("refuse").pipe(
      Pipeline.augmentEffect("luck", (_, rng: Rng.Rng) =>
        Effect.gen(function* () {
          return [rng.double(), yield* Random.next, rng.double()].join()
        })
      ),
      collect
    )
    expect(await values(turns)).toEqual(asked)
  })

  test("every method draws as the rng's own", async () => {
    const seed = { algorithm: "xoshiro128**", words: [1, 2, 3, 4] }
    const own = Rng.make(seed)
    const wanted = [
      own.double(),
      own.bernoulli(0.5),
      own.integer(Number.MAX_SAFE_INTEGER),
      own.uniform(-3, 4),
      10 + own.integer(10),
      own.shuffle([1, 2, 3, 4, 5])
    ]
    const got = Effect.gen(function* () {
      return [
        yield* Random.next,
        yield* Random.nextBoolean,
        yield* Random.nextInt,
        yield* Random.nextRange(-3, 4),
        yield* Random.nextIntBetween(10, 20),
        Array.from(yield* Random.shuffle([1, 2, 3, 4, 5]))
      ]
    })
    expect(Effect.runSync(Effect.withRandom(got, Rng.toRandom(Rng.make(seed))))).toEqual(wanted)
  })
})

describe("derived draws", () => {
  test("are pinned", async () => {
    const pipeline = source("derive").pipe(
      Pipeline.map("luck", () => [
        Math.random(),
        crypto.randomUUID(),
        crypto.getRandomValues(new Uint16Array(2)).join()
      ]),
      collect
    )
    expect((await values(pipeline)).slice(0, 2)).toEqual([
      [0.43556486426612884, "3a002d67-0932-4d4e-95c9-57320c470957", "17128,26230"],
      [0.2731475245906183, "a2a990f0-4d59-429a-8bdb-cab984424d1a", "6828,50425"]
    ])
  })

  test("move none of the stage's own draws, nor those move them", async () => {
    const own = await values(
      source("derive").pipe(
        Pipeline.augment("luck", (_, rng) => rng.word()),
        collect
      )
    )
    const ambient = await values(
      source("derive").pipe(
        Pipeline.augment("luck", () => Math.random()),
        collect
      )
    )
    const mixed = (mix: (rng: Rng.Rng) => readonly [number, number]) =>
      values(
        source("derive").pipe(
          Pipeline.augment("luck", (_, rng) => mix(rng)),
          collect
        )
      )
    const wanted = own.map((word, row) => [word, ambient[row]])
    expect(await mixed((rng) => [rng.word(), Math.random()])).toEqual(wanted)
    const otherWay = await mixed((rng) => {
      const drawn = Math.random()
      crypto.randomUUID()
      return [rng.word(), drawn]
    })
    expect(otherWay).toEqual(wanted)
  })

  test("of one sample hang on no other sample", async () => {
    const once = await values(
      source("derive").pipe(
        Pipeline.map("luck", () => Math.random()),
        collect
      )
    )
    const many = source("derive").pipe(
      Pipeline.map("luck", (index) => {
        const first = Math.random()
        for (let more = 0; more < index % 3; more++) Math.random()
        return first
      }),
      collect
    )
    expect(await values(many)).toEqual(once)
    const some = await values(
      source("derive").pipe(
        Pipeline.filter("odd", (index) => index % 2 === 1),
        Pipeline.map("luck", () => Math.random()),
        collect
      )
    )
    expect(some).toEqual(once.filter((_, index) => index % 2 === 1))
  })

  test("go on within a sample", async () => {
    const drawn = await values(
      source("derive").pipe(
        Pipeline.map("luck", () => [Math.random(), Math.random()]),
        collect
      )
    )
    expect(new Set(drawn.flat()).size).toBe(2 * SAMPLES)
  })

  test("of two stages differ", async () => {
    const drawn = await values(
      source("derive").pipe(
        Pipeline.map("one", () => [Math.random()]),
        Pipeline.map("two", (before) => [...before, Math.random()]),
        Pipeline.mapEffect("three", (before) => Effect.sync(() => [...before, Math.random()])),
        collect
      )
    )
    expect(new Set(drawn.flat()).size).toBe(3 * SAMPLES)
  })

  test("are the same in plain and in effectful stages of one name", async () => {
    const plain = await values(
      source("derive").pipe(
        Pipeline.map("luck", () => Math.random()),
        collect
      )
    )
    const effectful = source("derive").pipe(
      Pipeline.mapEffect("luck", () => Effect.sync(() => Math.random())),
      collect
    )
    expect(await values(effectful)).toEqual(plain)
  })

  test("are those of the sample when it is made again alone", async () => {
    const pipeline = source("derive").pipe(
      Pipeline.map("luck", () => Math.random()),
      Pipeline.mapEffect("more", (before) => Effect.map(Random.next, (next) => [before, next])),
      collect
    )
    const all = await values(pipeline)
    for (const position of [0, 5, 11]) {
      const again = Scheduler.replay(pipeline, { epoch: 0, position, workers: 2 })
      const layer = SeedPolicy.epochWorker({ seed: 42 })
      const made = await Effect.runPromise(Effect.provide(again, layer))
      expect(Option.getOrThrow(made)).toEqual(all[position])
    }
  })

  test("under the elastic policy do not hang on the number of workers", async () => {
    const run = (workers: number) =>
      Stream.runCollect(
        Scheduler.stream(
          source("derive").pipe(
            Pipeline.map("luck", () => Math.random()),
            collect
          ),
          { epochs: 1 }
        )
      ).pipe(
        Effect.map((batches) => Array.from(batches).flatMap(({ columns }) => columns)),
        Effect.provide(Layer.merge(SeedPolicy.elastic({ seed: 7 }), Workers.fibers({ workers }))),
        Effect.runPromise
      )
    const one = await run(1)
    expect(new Set(one).size).toBe(SAMPLES)
    expect(await run(2)).toEqual(one)
    expect(await run(3)).toEqual(one)
  })

  test("are numbers from 0 to 1, and identifiers of version 4", async () => {
    const drawn = await values(
      source("derive").pipe(
        Pipeline.map("luck", () => [Math.random(), crypto.randomUUID()] as const),
        collect
      )
    )
    for (const pair of drawn) {
      const [number, uuid] = pair as readonly [number, string] // as the stage gives them
      expect(number >= 0 && number < 1).toBe(true)
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
  })

  test("fill just the bytes that a view shows, and give it back", async () => {
    const drawn = await values(
      source("derive").pipe(
        Pipeline.map("luck", () => {
          const all = new Uint32Array(6)
          const middle = all.subarray(2, 4)
          const given = crypto.getRandomValues(middle)
          return [given === middle, all[0], all[1], all[4], all[5], (all[2] ?? 0) + (all[3] ?? 0) > 0].join()
        }),
        collect
      )
    )
    expect(new Set(drawn)).toEqual(new Set(["true,0,0,0,0,true"]))
  })
})

describe("a collate", () => {
  const luck = Pipeline.batchWith(4, () => [Math.random()])

  test("is the stage batch to an error", async () => {
    const error = await failure(source("refuse").pipe(luck))
    expect(error).toMatchObject({ stage: "batch", sample: undefined, cause: { call: "Math.random", stage: "batch" } })
  })

  test("draws by the seeds under derive, and as it likes when left alone", async () => {
    const first = await values(source("derive").pipe(luck))
    expect(new Set(first).size).toBe(3)
    expect(await values(source("derive").pipe(luck))).toEqual(first)
    expect(await values(source("leave").pipe(luck))).not.toEqual(await values(source("leave").pipe(luck)))
  })
})

describe("fibers that an effectful stage starts", () => {
  test("are governed as the stage is", async () => {
    const children = Effect.forEach([1, 2, 3], () => Effect.sync(() => Math.random()), { concurrency: 3 })
    const error = await failure(
      source("refuse").pipe(
        Pipeline.mapEffect("luck", () => children),
        collect
      )
    )
    expect(error).toMatchObject({ cause: { _tag: "AmbientRandomness", stage: "luck" } })
    const forked = Effect.flatMap(Effect.fork(Random.next), Fiber.join)
    const derived = source("derive").pipe(
      Pipeline.mapEffect("luck", () => forked),
      collect
    )
    const first = await values(derived)
    expect(new Set(first).size).toBe(SAMPLES)
    expect(await values(derived)).toEqual(first)
  })

  test("are governed still after they waited", async () => {
    const later = Effect.zipRight(
      Effect.sleep(1),
      Effect.sync(() => Math.random())
    )
    const error = await failure(
      source("refuse").pipe(
        Pipeline.mapEffect("luck", () => later),
        collect
      )
    )
    expect(error).toMatchObject({ cause: { _tag: "AmbientRandomness", stage: "luck" } })
  })
})

describe("what Effect draws for itself", () => {
  const fresh = (): object => ({})
  const own: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
    "hashes of objects": Effect.sync(() => HashSet.size(HashSet.make(fresh(), fresh()))),
    "fibers at once": Effect.all([Effect.yieldNow(), Effect.yieldNow()], { concurrency: 2 }),
    "a timeout": Effect.timeout(Effect.yieldNow(), 1000),
    "a race": Effect.race(Effect.yieldNow(), Effect.sleep(1000)),
    "a span": Effect.withSpan(Effect.yieldNow(), "decode"),
    "spans within spans": Effect.withSpan(Effect.withSpan(Effect.yieldNow(), "inner"), "outer"),
    "a cache": Effect.flatMap(Cache.make({ capacity: 2, timeToLive: 1000, lookup: Effect.succeed }), (cache) =>
      cache.get(fresh())
    )
  }

  test.each(Object.entries(own))("is refused nowhere: %s", async (_, work) => {
    const effectful = source("refuse").pipe(
      Pipeline.mapEffect("work", (index) => Effect.as(work, index)),
      collect
    )
    expect(await values(effectful)).toEqual(Array.from({ length: SAMPLES }, (_, index) => index))
  })

  test.each(Object.entries(own))("moves no derived draw: %s", async (_, work) => {
    const draw = Effect.sync(() => Math.random())
    const alone = await values(
      source("derive").pipe(
        Pipeline.mapEffect("luck", () => draw),
        collect
      )
    )
    const after = Effect.zipRight(work, draw)
    expect(
      await values(
        source("derive").pipe(
          Pipeline.mapEffect("luck", () => after),
          collect
        )
      )
    ).toEqual(alone)
  })

  test("in plain code neither", async () => {
    const plain = source("refuse").pipe(
      Pipeline.map("work", (index) => {
        Effect.runSync(Effect.withSpan(Effect.void, "span"))
        return index + HashSet.size(HashSet.make(fresh(), fresh()))
      }),
      collect
    )
    expect(await values(plain)).toEqual(Array.from({ length: SAMPLES }, (_, index) => index + 2))
  })

  test("a tracer of the program's own draws as it likes, and the span's work does not", async () => {
    const spans: Array<string> = []
    const drawing = Tracer.make({
      span: (name, parent, context, links, startTime, kind) => {
        spans.push(`${name} ${typeof Math.random()}`)
        return native.span(name, parent, context, links, startTime, kind)
      },
      context: (run) => run()
    })
    const native = Context.get(DefaultServices.liveServices, Tracer.Tracer)
    const run = (work: Effect.Effect<unknown>) =>
      Stream.runDrain(
        Scheduler.stream(
          source("refuse").pipe(
            Pipeline.mapEffect("luck", () => Effect.withSpan(work, "decode")),
            collect
          ),
          { epochs: 1 }
        )
      ).pipe(Effect.either, Effect.withTracer(drawing), Effect.provide(layerOf(42, 1)), Effect.runPromise)
    expect(await run(Effect.void)).toMatchObject({ _tag: "Right" })
    // The run's own spans are beside them.
    const decodes = spans.filter((span) => span.startsWith("decode"))
    expect(decodes).toEqual(Array.from({ length: SAMPLES }, () => "decode number"))
    const refused = await run(Effect.sync(() => Math.random()))
    expect(refused).toMatchObject({ _tag: "Left", left: { cause: { _tag: "AmbientRandomness", stage: "luck" } } })
  })

  test("objects keep their hashes from before the run to after it", async () => {
    const [early, late] = [fresh(), fresh()]
    const hash = Hash.hash(early)
    const inside: Array<number> = []
    const plain = source("refuse").pipe(
      Pipeline.map("hash", (index) => {
        inside.push(Hash.hash(early), Hash.hash(late))
        return index
      }),
      collect
    )
    await values(plain)
    expect(new Set(inside)).toEqual(new Set([hash, Hash.hash(late)]))
    expect(Hash.hash(late)).not.toBe(hash)
  })
})

describe("outside of stages", () => {
  /** Calls all of them; throws where one is refused. */
  const reachForAll = (): void => {
    for (const call of Object.values(plainCalls)) call()
  }
  const busy = source("refuse").pipe(
    Pipeline.map("plain", (index) => index),
    Pipeline.mapEffect("effectful", (index) => Effect.as(Effect.yieldNow(), index)),
    collect
  )

  test("the consumer's code between batches is free", async () => {
    let batches = 0
    for await (const batch of Scheduler.iterate(busy, layerOf(42, 2), { epochs: 1 })) {
      reachForAll()
      batches += batch.columns.length > 0 ? 1 : 0
    }
    expect(batches).toBe(3)
  })

  test("and reaches what was there before the run", async () => {
    const original = Math.random
    Math.random = () => 0.25
    try {
      const outside: Array<number> = []
      const inside: Array<number> = []
      const derived = source("derive").pipe(
        Pipeline.map("luck", () => Math.random()),
        Pipeline.batch(4)
      )
      for await (const { columns } of Scheduler.iterate(derived, layerOf(42, 2), { epochs: 1 })) {
        outside.push(Math.random())
        inside.push(...columns.data)
      }
      expect(outside).toEqual([0.25, 0.25, 0.25])
      expect(new Set(inside).size).toBe(SAMPLES)
      expect(inside).not.toContain(0.25)
    } finally {
      Math.random = original
    }
  })

  test("other fibers are free, while stages are at work", async () => {
    const program = Effect.gen(function* () {
      const other = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 200 }),
          () =>
            Effect.zipRight(
              Effect.all([Effect.sync(reachForAll), ...Object.values(effects)], { discard: true }),
              Effect.yieldNow()
            ),
          { discard: true }
        )
      )
      yield* Stream.runForEach(Scheduler.stream(busy, { epochs: 20 }), () => Effect.sync(reachForAll))
      return yield* Fiber.await(other)
    })
    const exit = await Effect.runPromise(Effect.provide(program, layerOf(42, 3)))
    expect(Exit.isSuccess(exit)).toBe(true)
  })

  test("a Random that the program provides stays its own, on both sides of a run", async () => {
    const three = Effect.replicateEffect(Random.next, 3)
    const alone = await Effect.runPromise(Effect.withRandom(three, Random.make("program")))
    const program = Effect.gen(function* () {
      const drawn = [yield* Random.next]
      yield* Stream.runForEach(Scheduler.stream(busy, { epochs: 1 }), () =>
        Effect.map(Random.next, (next) => {
          if (drawn.length < 3) drawn.push(next)
        })
      )
      return drawn
    })
    const drawn = await Effect.runPromise(
      program.pipe(Effect.provide(layerOf(42, 2)), Effect.withRandom(Random.make("program")))
    )
    expect(drawn).toEqual(alone)
  })

  test("a Random that the program provides is no way around the setting", async () => {
    const pipeline = source("refuse").pipe(
      Pipeline.mapEffect("luck", () => Random.next),
      collect
    )
    const error = await Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
      Effect.flip,
      Effect.provide(layerOf(42, 2)),
      Effect.withRandom(Random.make("program")),
      Effect.runPromise
    )
    expect(error).toMatchObject({ cause: { _tag: "AmbientRandomness", call: "Random.next" } })
    const left = source("leave").pipe(
      Pipeline.mapEffect("luck", () => Random.next),
      collect
    )
    const run = () =>
      Stream.runCollect(Scheduler.stream(left, { epochs: 1 })).pipe(
        Effect.map((batches) => Array.from(batches).flatMap(({ columns }) => columns)),
        Effect.provide(layerOf(42, 1)),
        Effect.withRandom(Random.make("program")),
        Effect.runPromise
      )
    expect(await run()).toEqual(await run())
  })

  test("a stage that is refused leaves the code after it free", async () => {
    const pipeline = source("refuse").pipe(
      Pipeline.map("luck", () => Math.random()),
      collect
    )
    const program = Effect.scoped(
      Effect.gen(function* () {
        const loader = yield* Scheduler.open(pipeline, { epochs: 1 })
        const error = yield* Effect.flip(loader.take)
        // The run is still open here.
        expect(Math.random).not.toBe(before.random)
        reachForAll()
        return error
      })
    )
    expect(await Effect.runPromise(Effect.provide(program, layerOf(42, 1)))).toMatchObject({ stage: "luck" })
  })
})

describe("the world is put back", () => {
  const plain = source("refuse").pipe(collect)
  const changed = (): boolean => Math.random !== before.random

  test("at the end", async () => {
    let open = false
    await Stream.runForEach(Scheduler.stream(plain, { epochs: 1 }), () =>
      Effect.sync(() => {
        open = changed()
      })
    ).pipe(Effect.provide(layerOf(42, 2)), Effect.runPromise)
    expect(open).toBe(true)
    expect(world()).toEqual(before)
  })

  test("after an error of a stage", async () => {
    const broken = source("refuse").pipe(
      Pipeline.map("broken", () => {
        throw new Error("broken")
      }),
      collect
    )
    expect(await failure(broken)).toMatchObject({ stage: "broken" })
    expect(world()).toEqual(before)
  })

  test("after an error of the consumer, and after break", async () => {
    const loop = async () => {
      for await (const _ of Scheduler.iterate(plain, layerOf(42, 2), { epochs: 1 })) throw new Error("consumer")
    }
    await expect(loop()).rejects.toThrow("consumer")
    expect(world()).toEqual(before)
    for await (const _ of Scheduler.iterate(plain, layerOf(42, 2), { epochs: 1 })) {
      expect(changed()).toBe(true)
      break
    }
    expect(world()).toEqual(before)
  })

  test("after an interrupt, with a stage at work", async () => {
    const program = Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const stuck = source("refuse").pipe(
        Pipeline.mapEffect("stuck", () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)),
        collect
      )
      const run = yield* Effect.fork(Stream.runDrain(Scheduler.stream(stuck, { epochs: 1 })))
      yield* Deferred.await(begun)
      expect(changed()).toBe(true)
      return yield* Fiber.interrupt(run)
    })
    const exit = await Effect.runPromise(Effect.provide(program, layerOf(42, 2)))
    expect(Exit.isInterrupted(exit)).toBe(true)
    expect(world()).toEqual(before)
  })

  test("after a replay, and after a replay that fails", async () => {
    const layer = SeedPolicy.epochWorker({ seed: 42 })
    const replay = Scheduler.replay(plain, { epoch: 0, position: 3, workers: 1 })
    expect(Option.getOrThrow(await Effect.runPromise(Effect.provide(replay, layer)))).toBe(3)
    expect(world()).toEqual(before)
    const luck = source("refuse").pipe(
      Pipeline.map("luck", () => Math.random()),
      collect
    )
    const failing = Scheduler.replay(luck, { epoch: 0, position: 3, workers: 1 })
    expect(await Effect.runPromise(Effect.flip(Effect.provide(failing, layer)))).toMatchObject({ stage: "luck" })
    expect(world()).toEqual(before)
  })

  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0]
  ]
  test.each(orders)("when runs that overlap close in the order %s, %s, %s", async (...order) => {
    const scopes = await Promise.all(
      order.map(async () => {
        const scope = Effect.runSync(Scope.make())
        const layer = layerOf(42, 1)
        await Effect.runPromise(Scheduler.open(plain, { epochs: 1 }).pipe(Scope.extend(scope), Effect.provide(layer)))
        return scope
      })
    )
    for (const place of order) {
      expect(changed()).toBe(true)
      const scope = scopes[place]
      if (scope !== undefined) await Effect.runPromise(Scope.close(scope, Exit.void))
    }
    expect(world()).toEqual(before)
  })

  test("runs under different settings do not meet", async () => {
    const luck = (setting: Ambient.Setting) =>
      source(setting).pipe(
        Pipeline.mapEffect("luck", () =>
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.sync(() => Math.random())
          )
        ),
        collect
      )
    const alone = await values(luck("derive"))
    const [derived, error, left] = await Promise.all([
      values(luck("derive")),
      failure(luck("refuse")),
      values(luck("leave"))
    ])
    expect(derived).toEqual(alone)
    expect(error).toMatchObject({ cause: { _tag: "AmbientRandomness" } })
    expect(left.filter((value) => alone.includes(value))).toEqual([])
  })

  test("to a function of crypto that somebody else had put there", async () => {
    const mine = (): `${string}-${string}-${string}-${string}-${string}` => "1-2-3-4-5"
    Object.defineProperty(crypto, "randomUUID", { value: mine, configurable: true, writable: true })
    try {
      const left = source("leave").pipe(
        Pipeline.map("luck", () => crypto.randomUUID()),
        collect
      )
      expect(new Set(await values(left))).toEqual(new Set(["1-2-3-4-5"]))
      expect(crypto.randomUUID).toBe(mine)
    } finally {
      Reflect.deleteProperty(crypto, "randomUUID")
    }
  })
})

describe("Ambient.plain", () => {
  const atWork = (stage: string): Ambient.AtWork => ({
    setting: "refuse",
    stage: () => stage,
    drawing: () => undefined,
    derived: () => Rng.make({ algorithm: "xoshiro128**", words: [1, 2, 3, 4] })
  })
  const attempt = (): string => {
    try {
      Math.random()
      return "free"
    } catch (error) {
      return error instanceof Ambient.AmbientRandomness ? error.stage : String(error)
    }
  }

  test("nests, and ends with its code however that ends", () => {
    const seen: Array<string> = []
    const program = Effect.scoped(
      Effect.zipRight(
        Ambient.installed("refuse"),
        Effect.sync(() => {
          seen.push(attempt())
          Ambient.plain(atWork("outer"), () => {
            seen.push(attempt())
            expect(() =>
              Ambient.plain(atWork("inner"), () => {
                seen.push(attempt())
                throw new Error("inner")
              })
            ).toThrow("inner")
            seen.push(attempt())
          })
          seen.push(attempt())
        })
      )
    )
    Effect.runSync(program)
    expect(seen).toEqual(["free", "outer", "inner", "outer", "free"])
  })

  test("gives what its code gives", () => {
    expect(Ambient.plain(atWork("stage"), () => 7)).toBe(7)
  })

  test("governs nothing when no run is open", () => {
    expect(Ambient.plain(atWork("stage"), attempt)).toBe("free")
  })
})
