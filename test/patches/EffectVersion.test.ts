/**
 * Values of another copy of `effect` where Furrow takes effects and layers: Effect 4, and another release of Effect 3.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Cause, Context, Effect, Exit, Layer, Stream } from "effect"
import { getCurrentVersion } from "effect/ModuleVersion"
import * as Effect4 from "effect4"
import { Dataset, furrow, Pipeline, Scheduler, Workers } from "../../src/index.ts"
import { foreign } from "../../src/patches/EffectVersion.ts"
import { pipeline, staged } from "../support/threaded/four.ts"

const version = getCurrentVersion()
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** What a call throws or rejects with; fails where it does neither. */
const thrown = async (run: () => Promise<unknown>): Promise<unknown> => {
  try {
    await run()
  } catch (error) {
    return error
  }
  throw new Error("nothing was thrown")
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** As the types forbid it. */
const untyped = <A>(value: unknown): A => value as A

const drained = async (pipeline: unknown, layer: unknown): Promise<void> => {
  const own = untyped<Pipeline.Pipeline<never>>(pipeline)
  for await (const _ of Scheduler.iterate(own, untyped<Layer.Layer<Workers.Workers>>(layer), { epochs: 1 })) {
    // Only the outcome counts.
  }
}

/** The errors that a run ends with, from the outermost to what caused it. */
const chain = (error: unknown): ReadonlyArray<unknown> => {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? [error] : [error, ...chain(Cause.isCause(cause) ? Cause.squash(cause) : cause)]
}

const numbers = Pipeline.from(Dataset.range(8))

const SENTENCE4 =
  "was made by effect 4, but Furrow runs on effect " +
  `${version}: make it with effect 3 (\`npm install effect@3\`), or use Furrow without effects of your own`

describe("Effect 4", () => {
  test("is another copy", () => {
    expect(foreign("the layer", Effect4.Layer.empty)?.found).toBe("4")
    expect(foreign("the effect", Effect4.Effect.succeed(1))?.found).toBe("4")
    expect(
      foreign(
        "the effect",
        Effect4.Effect.gen(function* () {})
      )?.found
    ).toBe("4")
    expect(foreign("the stream", Effect4.Stream.make(1))?.found).toBe("4")
  })

  test("a layer of it is refused when a run is iterated, in one sentence", async () => {
    const error = await thrown(() => drained(numbers.pipe(Pipeline.batch(4)), Effect4.Layer.empty))
    expect(error).toMatchObject({ _tag: "ForeignEffect", found: "4", version })
    expect(messageOf(error)).toBe(`the layer of the run ${SENTENCE4}`)
  })

  for (const [kind, stage] of [
    ["mapEffect", Pipeline.mapEffect("four", () => untyped<Effect.Effect<number>>(Effect4.Effect.succeed(1)))],
    ["augmentEffect", Pipeline.augmentEffect("four", () => untyped<Effect.Effect<number>>(Effect4.Effect.succeed(1)))]
  ] as const) {
    test(`an effect of it out of ${kind} fails the run, with the stage's name`, async () => {
      const policy = await import("../../src/index.ts").then(({ SeedPolicy }) => SeedPolicy.epochWorker({ seed: 1 }))
      const layer = Layer.merge(Workers.fibers({ workers: 1 }), policy)
      const error = await thrown(() => drained(numbers.pipe(stage, Pipeline.batch(4)), layer))
      expect(error).toMatchObject({ _tag: "StageError", stage: "four" })
      expect(chain(error).map(messageOf)).toContain(`the stage's effect ${SENTENCE4}`)
    })
  }

  test("an effect of it out of a dataset fails the run", async () => {
    const four = Dataset.effect({ size: 8, get: () => untyped<Effect.Effect<number>>(Effect4.Effect.succeed(1)) })
    const error = await thrown(() =>
      drained(Pipeline.from(four).pipe(Pipeline.batch(4)), Workers.fibers({ workers: 1 }))
    )
    expect(chain(error).map(messageOf)).toContain(`the dataset's effect ${SENTENCE4}`)
  })
})

describe("Effect 4 through the plain door", () => {
  for (const option of ["policy", "workers", "failures", "layer"] as const) {
    test(`a layer of it for \`${option}\` is refused at once, in one sentence`, async () => {
      const options = { epochs: 1, [option]: untyped<Layer.Layer<never>>(Effect4.Layer.empty) }
      const error = await thrown(async () => furrow(numbers.pipe(Pipeline.batch(4)), untyped<{ epochs: 1 }>(options)))
      expect(messageOf(error)).toBe(`a layer among furrow's options ${SENTENCE4}`)
    })
  }
})

describe("Effect 4 on threads", () => {
  const threads = (file: string, name: string) =>
    Workers.threads({ workers: 1, pipeline: new URL(`../support/threaded/${file}.ts`, import.meta.url), name })

  test("an effect of it out of a stage fails the run, with the stage's name", async () => {
    const error = await thrown(() => drained(staged, threads("four", "staged")))
    expect(error).toMatchObject({ _tag: "StageError", stage: "four" })
    expect(chain(error).map(messageOf)).toContain(`the stage's effect ${SENTENCE4}`)
  }, 30_000)

  test("a layer of it among a module's exports is refused when the run opens", async () => {
    const error = await thrown(() => drained(pipeline, threads("fourServices", "pipeline")))
    expect(error).toMatchObject({ _tag: "BackendError" })
    expect(messageOf(error)).toContain(`the layer that the pipeline's module exports as \`services\` ${SENTENCE4}`)
  }, 30_000)
})

describe("another release of Effect 3", () => {
  // The same package, as if an older release were installed a second time.
  const folder = mkdtempSync(join(root, "node_modules", ".effect-3.19.0-"))
  let old: typeof import("effect")

  beforeAll(async () => {
    const installed = dirname(createRequire(import.meta.url).resolve("effect/package.json"))
    cpSync(join(installed, "dist", "esm"), folder, { recursive: true })
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }')
    const file = join(folder, "internal", "version.js")
    const text = readFileSync(file, "utf8")
    expect(text).toContain(`"${version}"`)
    writeFileSync(file, text.replace(`"${version}"`, '"3.19.0"'))
    old = await import(pathToFileURL(join(folder, "index.js")).href)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("a layer of it is refused, with both versions", async () => {
    const Tag = Context.GenericTag<number>("number")
    const one = old.Layer.succeed(untyped<never>(Tag), untyped<never>(1))
    const merged = Layer.merge(Workers.fibers({ workers: 1 }), untyped<Layer.Layer<never>>(one))
    expect(foreign("the layer", one)?.found).toBe("3.19.0")
    const error = await thrown(() => drained(numbers.pipe(Pipeline.batch(4)), one))
    expect(messageOf(error)).toBe(
      `the layer of the run was made by effect 3.19.0, but Furrow runs on effect ${version}: ` +
        "have one version installed for both (`npm ls effect` shows who wants which)"
    )
    expect(foreign("the layer", old.Layer.fresh(untyped<never>(one)))?.found).toBe("3.19.0")
    // Merged layers hide their parts, so Furrow cannot tell; Effect warns when it runs them.
    expect(foreign("the layer", merged)).toBe(undefined)
  })

  test("an effect of it out of a stage fails the run", async () => {
    const stage = Pipeline.mapEffect("old", () => untyped<Effect.Effect<number>>(old.Effect.succeed(1)))
    const error = await thrown(() => drained(numbers.pipe(stage, Pipeline.batch(4)), Workers.fibers({ workers: 1 })))
    expect(chain(error).map(messageOf).join("\n")).toContain("the stage's effect was made by effect 3.19.0")
  })
})

test("what this copy made, and what is neither effect nor layer, is not foreign", () => {
  const layers = [
    Layer.empty,
    Workers.fibers({ workers: 2 }),
    Layer.merge(Workers.fibers({ workers: 1 }), Layer.fail("no"))
  ]
  const effects = [Effect.succeed(1), Effect.fail("no"), Effect.gen(function* () {}), Exit.succeed(1), Stream.empty]
  const others = [undefined, null, 1, "effect", () => Effect4.Effect.succeed(1), {}, [], Promise.resolve(1)]
  for (const value of [...layers, ...effects, ...others]) expect(foreign("it", value)).toBe(undefined)
})
