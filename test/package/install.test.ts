/**
 * The packed file, installed in empty folders and run on Node, Bun and Deno: alone, beside Effect 3, beside Effect 4, and
 * bundled.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runtime } from "../../src/core/runtime.ts"
import { binary, call, installed, type Outcome, RUNTIMES, root, run, tarball, versionOf } from "../support/app.ts"
import { examples } from "../support/examples.ts"

/** Milliseconds for what starts several programs. */
const TIME = 120_000

/** A run of two epochs on fibers and again on threads: the digests of both, and how many kernels were loaded. */
const APP = `
import "./counting.mjs"
import { isMainThread } from "node:worker_threads"
import { Effect, Stream } from "effect"
import { Dataset, Image, Pipeline, Sampler, Scheduler, SeedPolicy, Tensor, Workers } from "furrow"

const image = Tensor.make(new Uint8Array(100 * 12 * 12).map((_, at) => at * 7), [100, 12, 12, 1])

export const pipeline = Pipeline.from(Dataset.fromColumns({ image })).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("crop", Image.randomCrop({ size: 12, padding: 2 })),
  Pipeline.map("normalize", Image.normalize({ mean: 0.5, std: 0.25 })),
  Pipeline.batch(16)
)

const digest = (workers) =>
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true, replay: true })
    yield* Stream.runDrain(loader.stream)
    return yield* loader.digest
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed: 42 })),
    Effect.provide(workers),
    Effect.runPromise
  )

if (isMainThread) {
  const fibers = await digest(Workers.fibers({ workers: 2 }))
  const threads = await digest(Workers.threads({ workers: 2, pipeline: import.meta.url }))
  console.log(JSON.stringify({ fibers, threads, kernels: globalThis.kernels }))
}
`

/** Counts the WebAssembly modules that the main thread compiles, from before Furrow is loaded. */
const COUNTING = `
const { Module } = WebAssembly
globalThis.kernels = 0
WebAssembly.Module = class extends Module {
  constructor(bytes) {
    super(bytes)
    globalThis.kernels++
  }
}
`

/** What `APP` prints, wherever it runs. */
const DIGEST = "6180953f43e938ceb6194a534080b270d1e6c8df494f5a1e217f40cd0d0af849"
const SPLIT_EXPECTED = JSON.stringify({ fibers: DIGEST, threads: DIGEST })
const EXPECTED = JSON.stringify({ fibers: DIGEST, threads: DIGEST, kernels: 1 })

const PHOTOS = `
import { Cause, Effect, Exit, Option } from "effect"
import { Decode } from "furrow"

// One black pixel.
const png = Uint8Array.from(
  atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="),
  (character) => character.charCodeAt(0)
)
const exit = await Effect.runPromiseExit(Decode.image()(png))
console.log(
  Exit.isSuccess(exit)
    ? JSON.stringify(exit.value.shape)
    : Option.getOrUndefined(Cause.failureOption(exit.cause))?.message ?? String(exit.cause)
)
`

/** A pipeline in a module that is not bundled. */
const LEFT_BEHIND = `
import { isMainThread } from "node:worker_threads"
import { Effect, Stream } from "effect"
import { Dataset, Pipeline, Scheduler, Workers } from "furrow"

const pipeline = Pipeline.from(Dataset.range(8)).pipe(Pipeline.batch(4))
if (isMainThread) {
  const workers = Workers.threads({ workers: 1, pipeline: new URL("./left-behind.ts", import.meta.url) })
  const run = Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(workers))
  const error = await Effect.runPromise(Effect.flip(run))
  console.log(JSON.stringify({ tag: error._tag, message: error.message }))
}
`

/** A pipeline in a module of its own, and a run of it on threads that load what that module was bundled to. */
const DIGITS = APP.replace(/const digest = [\s\S]*/, "").replace('import "./counting.mjs"\n', "")
const SPLIT = APP.replace(/export const pipeline[\s\S]*?\n\)\n/, "")
  .replace('import "./counting.mjs"', 'import { pipeline } from "./digits.mjs"')
  .replace("pipeline: import.meta.url", 'pipeline: new URL("./digits.js", import.meta.url)')

/** A program whose guard does not hold in the threads of a bundle. */
const UNGUARDED = `
import { Effect, Stream } from "effect"
import { Dataset, Pipeline, Scheduler, Workers } from "furrow"

export const pipeline = Pipeline.from(Dataset.range(8)).pipe(Pipeline.batch(4))
if (import.meta.main) {
  const workers = Workers.threads({ workers: 1, pipeline: import.meta.url })
  await Effect.runPromise(Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(workers)))
}
`

/** An app on Effect 4: what works without it, and what its layers come to. */
const PLAIN = `
import { isMainThread } from "node:worker_threads"
import { Effect, Layer, Stream } from "effect"
import { Dataset, furrow, Pipeline, Sampler, Scheduler } from "furrow"

export const pipeline = Pipeline.from(Dataset.range(1000)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("jitter", (x, rng) => x + rng.uniform(-0.5, 0.5)),
  Pipeline.batch(32)
)

const failing = async (run) => {
  try {
    for await (const batch of run()) console.log(batch)
  } catch (error) {
    return error.message
  }
}

if (isMainThread) {
  const options = { seed: 42, workers: 2, epochs: 2, digest: true, replay: true }
  const digests = []
  for (const threads of [{}, { threads: { pipeline: import.meta.url } }]) {
    const run = furrow(pipeline, { ...options, ...threads })
    for await (const _ of run) {
    }
    digests.push(run.digest)
  }
  const stream = Stream.fromAsyncIterable(furrow(pipeline, options), (error) => error)
  const batches = (await Effect.runPromise(Stream.runCollect(stream))).length
  const iterated = await failing(() => Scheduler.iterate(pipeline, Layer.empty, { epochs: 1 }))
  const optional = await failing(() => furrow(pipeline, { ...options, layer: Layer.empty }))
  console.log(JSON.stringify({ digests, batches, iterated, optional }))
}
`

const well = (stdout: string): Outcome => ({ status: 0, stdout, stderr: "" })

/** Every copy of `effect` in a folder, by its path and version. */
const copies = (app: string): ReadonlyArray<string> =>
  readdirSync(join(app, "node_modules"), { recursive: true, encoding: "utf8" })
    .filter((name) => /(^|node_modules\/)effect\/package\.json$/.test(name))
    .map((name) => {
      const { version }: { readonly version: string } = JSON.parse(
        readFileSync(join(app, "node_modules", name), "utf8")
      )
      return `${name.replace(/\/package\.json$/, "")} ${version}`
    })
    .toSorted()

/** A program for the compiler: Furrow's layers composed with the app's own Effect. */
const TYPED = `
import { Effect, Layer, Stream } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "furrow"
import { recording } from "furrow/testing"
import * as Checkpoint from "furrow/Checkpoint"

const pipeline = Pipeline.from(Dataset.range(100)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(16))
const layer: Layer.Layer<SeedPolicy.SeedPolicy | Workers.Workers, unknown> = Layer.merge(
  SeedPolicy.epochWorker({ seed: 42 }),
  Workers.fibers({ workers: 2 })
)
const run: Effect.Effect<void, unknown> = Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(
  Effect.provide(layer)
)
export { Checkpoint, recording, run }
`

/** The same for an app that has no Effect 3. */
const TYPED_ALONE = `
import { Dataset, furrow, Pipeline, Sampler } from "furrow"

const pipeline = Pipeline.from(Dataset.range(100)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(16))
export const rows = async (): Promise<number> => {
  let rows = 0
  for await (const batch of furrow(pipeline, { seed: 42, workers: 2, epochs: 1 })) rows += batch.size
  return rows
}
`

/** The digest that `PLAIN` gives, wherever it runs. */
const PLAIN_DIGEST = "62a54e1704d8ccf9947035f08fc63b032e9632fe17ebb12541233360d53bdf9b"

/** What the compiler says of `code` in an app: without Bun's types, with those of all dependencies checked. */
const compiled = (app: string, code: string, module: "NodeNext" | "ESNext"): string => {
  const compilerOptions = {
    target: "ES2023",
    lib: ["ES2024", "DOM", "DOM.Iterable"],
    module,
    moduleResolution: module === "ESNext" ? "Bundler" : module,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: []
  }
  writeFileSync(join(app, "types.ts"), code)
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["types.ts"] }))
  return spawnSync(binary("tsc"), ["-p", "tsconfig.json"], { cwd: app, encoding: "utf8" }).stdout
}

// It runs all runtimes itself, so once is enough; and it is Bun that packs and installs.
describe.skipIf(runtime.name !== "bun")("the packed file", () => {
  const folders: Array<string> = []
  const app = (files: Readonly<Record<string, string>>, dependencies?: Readonly<Record<string, string>>): string => {
    const folder = installed(dependencies)
    folders.push(folder)
    for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, name), code)
    return folder
  }

  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }, TIME)

  let alone = ""

  beforeAll(() => {
    // Node 20 takes no TypeScript; the programs have no types in them.
    alone = app({
      "first.mjs": examples()[0]?.code ?? "",
      "effect.mjs": examples()[1]?.code ?? "",
      "app.mjs": APP,
      "counting.mjs": COUNTING,
      "photos.mjs": PHOTOS,
      "behind.mjs": LEFT_BEHIND,
      "unguarded.mjs": UNGUARDED,
      "digits.mjs": DIGITS,
      "split.mjs": SPLIT
    })
  }, TIME)

  test(
    "holds the compiled modules, what is written about them, and nothing else",
    () => {
      const files = spawnSync("tar", ["-tzf", tarball()], { encoding: "utf8" }).stdout.trim().split("\n")
      const others = files.filter((name) => !/^package\/dist\/.+\.(js|d\.ts)$/.test(name))
      const pages = readdirSync(join(root, "docs")).map((name) => `package/docs/${name}`)
      const known = ["CHANGELOG.md", "LICENSE", "README.md", "package.json"].map((name) => `package/${name}`)
      // Trainers in Python copy it from there.
      const client = "package/dist/furrow_client.py"
      expect(others.toSorted()).toEqual([...known, ...pages, client].toSorted())
    },
    TIME
  )

  test(
    "is what `deno task build` builds, too",
    () => {
      const hashes = (folder: string): ReadonlyArray<string> =>
        readdirSync(folder, { recursive: true, encoding: "utf8" })
          .filter((name) => /\.(js|ts)$/.test(name))
          .toSorted()
          .map(
            (name) =>
              `${name} ${createHash("sha256")
                .update(readFileSync(join(folder, name)))
                .digest("hex")}`
          )
      const folder = mkdtempSync(join(tmpdir(), "furrow-unpacked-"))
      folders.push(folder)
      spawnSync("tar", ["-xzf", tarball(), "-C", folder])
      call(root, "deno", "task", "build")
      const built = hashes(join(root, "dist"))
      expect(built.length).toBeGreaterThan(100)
      expect(hashes(join(folder, "package", "dist"))).toEqual(built)
    },
    TIME
  )

  describe("alone in an empty folder", () => {
    for (const name of RUNTIMES) {
      test(
        `runs the README's first pipelines on ${name}, without and with Effect, and gives the same batches on fibers and on threads`,
        () => {
          expect(run(alone, name, "first.mjs")).toEqual(well(""))
          expect(run(alone, name, "effect.mjs")).toEqual(well(""))
          expect(run(alone, name, "app.mjs")).toEqual(well(EXPECTED))
        },
        TIME
      )

      test(
        `says on ${name} how to install sharp`,
        () => {
          const command = { bun: "bun add sharp", deno: "deno add npm:sharp", node: "npm install sharp" }[name]
          expect(run(alone, name, "photos.mjs").stdout).toContain(`run \`${command}\``)
        },
        TIME
      )
    }
  })

  describe("beside Effect 3", () => {
    let beside = ""

    beforeAll(() => {
      beside = app({ "app.mjs": APP, "counting.mjs": COUNTING }, { effect: versionOf("effect") })
    }, TIME)

    test("there is one copy of effect", () => {
      expect(copies(beside)).toEqual([`effect ${versionOf("effect")}`])
    })

    for (const module of ["NodeNext", "ESNext"] as const) {
      test(
        `its types are those of the app's Effect, under module ${module}`,
        () => expect(compiled(beside, TYPED, module)).toBe(""),
        TIME
      )
    }
  })

  describe("beside Effect 4", () => {
    let beside = ""

    beforeAll(() => {
      beside = app({ "plain.mjs": PLAIN }, { effect: versionOf("effect4") })
    }, TIME)

    test("it has an Effect 3 of its own", () => {
      expect(versionOf("effect4")).toStartWith("4.")
      expect(copies(beside)).toEqual([
        `effect ${versionOf("effect4")}`,
        `furrow/node_modules/effect ${versionOf("effect")}`
      ])
    })

    for (const name of RUNTIMES) {
      test(
        `it works without the app's Effect on ${name}, and refuses its layers in one sentence`,
        () => {
          const refused = (layer: string): string =>
            `${layer} was made by effect 4, but Furrow runs on effect ${versionOf("effect")}: ` +
            "make it with effect 3 (`npm install effect@3`), or use Furrow without effects of your own"
          const expected = {
            digests: [PLAIN_DIGEST, PLAIN_DIGEST],
            batches: 64,
            iterated: refused("the layer of the run"),
            optional: refused("a layer among furrow's options")
          }
          expect(run(beside, name, "plain.mjs")).toEqual(well(JSON.stringify(expected)))
        },
        TIME
      )
    }

    for (const module of ["NodeNext", "ESNext"] as const) {
      test(
        `it type-checks without the app's Effect, under module ${module}`,
        () => expect(compiled(beside, TYPED_ALONE, module)).toBe(""),
        TIME
      )
    }
  })

  describe("in a bundle", () => {
    const bundlers: Readonly<Record<string, (file: string, out: string) => string>> = {
      "bun build --target=bun": (file, out) => call(alone, "bun", "build", file, "--target=bun", `--outfile=${out}`),
      "bun build --target=node": (file, out) => call(alone, "bun", "build", file, "--target=node", `--outfile=${out}`),
      "deno bundle": (file, out) => call(alone, "deno", "bundle", "--quiet", file, "-o", out)
    }

    // Without node_modules: all that is loaded is in the bundle.
    const folder = (): string => {
      const out = mkdtempSync(join(tmpdir(), "furrow-bundle-"))
      folders.push(out)
      return out
    }

    for (const [bundler, bundle] of Object.entries(bundlers)) {
      test(
        `of \`${bundler}\` it gives the same batches on every runtime, on fibers and on threads, with kernels`,
        () => {
          const out = folder()
          bundle("app.mjs", join(out, "app.mjs"))
          for (const name of RUNTIMES) expect([name, run(out, name, "app.mjs")]).toEqual([name, well(EXPECTED)])
        },
        TIME
      )

      test(
        `of \`${bundler}\` it asks for sharp, and finds it once it is installed beside the bundle`,
        () => {
          const out = folder()
          bundle("photos.mjs", join(out, "photos.mjs"))
          // As an installer leaves it: Deno loads what is declared, and Bun installs what is missing where this is not there.
          writeFileSync(join(out, "package.json"), JSON.stringify({ type: "module", dependencies: { sharp: "*" } }))
          mkdirSync(join(out, "node_modules"))
          for (const name of RUNTIMES) expect(run(out, name, "photos.mjs").stdout).toContain("the package sharp")
          symlinkSync(join(root, "node_modules", "sharp"), join(out, "node_modules", "sharp"))
          for (const name of RUNTIMES) expect([name, run(out, name, "photos.mjs")]).toEqual([name, well("[1,1,3]")])
        },
        TIME
      )

      test(
        `of \`${bundler}\` a thread whose module was left behind says what to do`,
        () => {
          const out = folder()
          bundle("behind.mjs", join(out, "behind.mjs"))
          for (const name of RUNTIMES) {
            const { stdout } = run(out, name, "behind.mjs")
            expect([name, stdout]).toEqual([name, expect.stringContaining("BackendError")])
            expect(stdout).toContain("left-behind.ts cannot be loaded")
            expect(stdout).toContain("in a bundle, export the pipeline from the module that is bundled")
          }
        },
        TIME
      )
    }

    for (const [bundler, ...args] of [
      ["bun", "build", "--target=node"],
      ["bun", "build", "--target=bun", "--splitting"],
      ["deno", "bundle", "--quiet"],
      ["deno", "bundle", "--quiet", "--code-splitting"]
    ] as const) {
      test(
        `of \`${[bundler, ...args].join(" ")}\` threads load a second entry point`,
        () => {
          const out = folder()
          call(alone, bundler, ...args, "split.mjs", "digits.mjs", "--outdir", out)
          for (const name of RUNTIMES) expect([name, run(out, name, "split.js")]).toEqual([name, well(SPLIT_EXPECTED)])
        },
        TIME
      )
    }

    test(
      "of `bun build --target=node` a program that runs in its threads, too, ends with a sentence that names the guard",
      () => {
        const out = folder()
        call(alone, "bun", "build", "--target=node", "unguarded.mjs", "--outfile", join(out, "unguarded.mjs"))
        for (const name of RUNTIMES) {
          const { status, stderr } = run(out, name, "unguarded.mjs")
          expect([name, status]).toEqual([name, 1])
          expect(stderr).toContain("if (isMainThread)")
        }
      },
      TIME
    )

    test(
      "of `bun build --compile` it is one executable that gives the same batches",
      () => {
        const out = folder()
        call(alone, "bun", "build", "--compile", "app.mjs", "--outfile", join(out, "app"))
        const { stdout } = spawnSync(join(out, "app"), { cwd: out, encoding: "utf8", timeout: 60_000 })
        expect(stdout.trim()).toBe(EXPECTED)
      },
      TIME
    )
  })
})
