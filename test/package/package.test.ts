/**
 * Furrow as an app has it: packed, installed in an empty folder beside `effect`, composed, run on both runtimes with the
 * policy swapped by the environment, and with a test double; and refused by the compiler without a policy.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { execFileSync, spawnSync } from "node:child_process"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { runtime } from "../../src/core/runtime.ts"
import { bundled, example } from "../bench/Built.ts"
import { binary, installed, RUNTIMES, root, run as runIn, versionOf } from "../support/app.ts"
import { sources } from "../support/house.ts"
import { entryOf } from "./exports.ts"

const manifest: {
  readonly exports: Readonly<Record<string, unknown>>
  readonly sideEffects: ReadonlyArray<string>
} = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

const APP = `
import { Config, Effect, Layer, Stream } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "furrow"
import { recording, Recording } from "furrow/testing"

const pipeline = Pipeline.from(Dataset.range(100)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => x + rng.normal(0, 0.1)),
  Pipeline.batch(16)
)

// The layer of each environment; the pipeline does not know which it gets.
const layers = {
  production: SeedPolicy.epochWorker({ seed: 42 }),
  staging: SeedPolicy.elastic({ seed: "staging" })
}
const policy = Layer.unwrapEffect(
  Effect.map(Config.literal("production", "staging")("APP_ENV"), (name) => layers[name])
)

const digest = Effect.scoped(
  Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true })
    yield* Stream.runDrain(loader.stream)
    return yield* loader.digest
  })
)

const live = await Effect.runPromise(digest.pipe(Effect.provide(policy), Effect.provide(Workers.fibers({ workers: 3 }))))
const double = await Effect.runPromise(
  Effect.gen(function* () {
    yield* digest
    const { draws } = yield* Recording
    return (yield* draws).filter(({ coordinates }) => coordinates.stage.name === "noise").length
  }).pipe(Effect.provide(recording()), Effect.provide(Workers.fibers({ workers: 3 })))
)
console.log(JSON.stringify({ live, double }))
`

const FORGETFUL = `
import { Effect, Stream } from "effect"
import { Dataset, Pipeline, Sampler, Scheduler, Workers } from "furrow"

const pipeline = Pipeline.from(Dataset.range(100)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(16))
const program = Stream.runDrain(Scheduler.stream(pipeline, { epochs: 1 })).pipe(Effect.provide(Workers.fibers({ workers: 1 })))
await Effect.runPromise(program)
`

// The app has no sharp: it is an optional peer, and asked for when the first image is decoded.
const PHOTOS = `
import { Effect } from "effect"
import * as Decode from "furrow/Decode"

const png = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10)
const error = await Effect.runPromise(Effect.flip(Decode.image()(png)))
console.log(JSON.stringify({ tag: error._tag, message: error.message }))
`

// Says which classes that it exports have another name, and ends with an error that nobody catches.
const UNCAUGHT = (names: ReadonlyArray<string>) => `
import { Dataset, furrow, Image, Pipeline, Tensor } from "furrow"

const isRenamed = ([name, own]) =>
  typeof own === "function" && String(own).startsWith("class") && !("key" in own) && own.name !== name
for (const name of ${JSON.stringify(names)}) {
  for (const [renamed] of Object.entries(await import(name)).filter(isRenamed)) console.log(renamed)
}
const image = Tensor.make(new Uint8Array(4), [2, 2, 1])
const pipeline = Pipeline.from(Dataset.fromArray([{ jpg: image }])).pipe(
  Pipeline.map("float", Image.toFloat),
  Pipeline.batch(1)
)
await furrow(pipeline, { epochs: 1 }).take()
`

const TSCONFIG = {
  compilerOptions: {
    target: "ES2023",
    lib: ["ES2024", "DOM"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    types: []
  }
}

// It runs both runtimes itself, so once is enough; and it is Bun that the packing needs.
describe.skipIf(runtime.name !== "bun")("the package in an app of its own", () => {
  let app = ""

  beforeAll(() => {
    app = installed({ effect: versionOf("effect") })
    writeFileSync(join(app, "tsconfig.json"), JSON.stringify(TSCONFIG))
    writeFileSync(join(app, "app.ts"), APP)
  }, 120_000)

  afterAll(() => rmSync(app, { recursive: true, force: true }))

  const run = (command: "bun" | "deno", environment: string): unknown => {
    const args = command === "bun" ? ["run", "app.ts"] : ["run", "-A", "--no-check", "app.ts"]
    const { status, stderr, stdout } = spawnSync(binary(command), args, {
      cwd: app,
      encoding: "utf8",
      env: { ...process.env, APP_ENV: environment }
    })
    expect(stderr).toBe("")
    expect(status).toBe(0)
    return JSON.parse(stdout)
  }

  test("has one copy of effect", () => {
    const copies = readdirSync(join(app, "node_modules", "furrow"))
    expect(copies).not.toContain("node_modules")
  })

  test("runs on Bun and on Deno alike, with the policy that the environment names, and with a test double", () => {
    const production = run("bun", "production")
    const staging = run("bun", "staging")
    expect(production).toMatchObject({ double: 200 })
    expect(staging).not.toEqual(production)
    expect(run("deno", "production")).toEqual(production)
    expect(run("deno", "staging")).toEqual(staging)
  }, 60_000)

  test("bundles small: the README's first example, minified, above Effect's own part", () => {
    const bytes = bundled({ folder: app }, example())
    expect(Array.from(bytes.keys()).toSorted()).toEqual(["@effect/schema", "app", "effect", "furrow"])
    // 334,998 today, of which threads take 70,000, what compares code and tells of slow batches 3,300, samples that are sent to them 3,000, and memory of columns 1,500. What the example does not use, such as images, checkpoints and audits, is left out.
    expect(bytes.get("furrow")).toBeLessThan(335_000)
    // The module `Schema` loads all of fast-check.
    expect(bytes.get("@effect/schema")).toBeLessThan(32_000)
  }, 60_000)

  test("says how to get sharp, which it goes without until an image is decoded", () => {
    writeFileSync(join(app, "photos.ts"), PHOTOS)
    for (const [command, install] of [
      ["bun", "bun add sharp"],
      ["deno", "deno add npm:sharp"]
    ] as const) {
      const args = command === "bun" ? ["run", "photos.ts"] : ["run", "-A", "--no-check", "photos.ts"]
      const said = JSON.parse(execFileSync(binary(command), args, { cwd: app, encoding: "utf8" }))
      expect(said).toMatchObject({ tag: "DecoderMissing" })
      expect(said.message).toContain(`run \`${install}\``)
    }
  }, 60_000)

  test("prints an error that nobody catches by its own name, and no line of its code as long as a file", () => {
    const names = Object.keys(manifest.exports).filter((name) => name !== "./package.json")
    const modules = names.map((name) => name.replace(".", "furrow"))
    writeFileSync(join(app, "uncaught.mjs"), UNCAUGHT(modules))
    for (const name of RUNTIMES) {
      const { status, stderr, stdout } = runIn(app, name, "uncaught.mjs")
      expect({ name, status, stdout }).toEqual({ name, status: 1, stdout: "" })
      // Bun shows the name as the field `_tag` alone.
      expect(stderr).toMatch(name === "bun" ? /^error: stage "float"/m : /\bStageError: stage "float" failed/)
      expect(stderr).toContain("an object of Tensor}")
      expect(stderr).not.toMatch(/(?:Error|Tensor)2\b/)
      expect(Math.max(...stderr.split("\n").map((line) => line.length))).toBeLessThan(500)
    }
  }, 60_000)

  const compile = () => spawnSync(binary("tsc"), ["-p", "tsconfig.json"], { cwd: app, encoding: "utf8" })

  test("type-checks as it is, and is refused without a policy, by a message that names SeedPolicy", () => {
    expect(compile().stdout).toBe("")
    writeFileSync(join(app, "forgetful.ts"), FORGETFUL)
    const { status, stdout } = compile()
    expect(status).not.toBe(0)
    expect(stdout).toContain("forgetful.ts")
    expect(stdout).toContain("SeedPolicy")
    expect(stdout).not.toContain("app.ts")
    rmSync(join(app, "forgetful.ts"))
  }, 60_000)

  test("has declarations that name no optional package, so that they compile where none is installed", () => {
    const folder = join(app, "node_modules", "furrow")
    const seen = new Set<string>()
    const packages = new Set<string>()
    const read = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      const code = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "")
      for (const [, name = ""] of code.matchAll(/(?:from |import\()"([^"]+)"/g)) {
        if (name.startsWith(".")) read(join(dirname(file), name.replace(/\.(?:ts|js)$/, ".d.ts")))
        else packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
      }
    }
    for (const entry of Object.values(manifest.exports)) {
      if (typeof entry === "object" && entry !== null && "types" in entry) read(join(folder, String(entry.types)))
    }
    expect(seen.size).toBeGreaterThan(100)
    const allowed = ["@effect/platform", "@effect/schema", "effect", "node:http", "node:net"]
    expect(Array.from(packages).filter((name) => !allowed.includes(name))).toEqual([])
  })

  test("has an entry for every public module, and each can be imported", () => {
    const names = Object.keys(manifest.exports).filter((name) => name !== "./package.json")
    const imports = names.map((name) => `await import(${JSON.stringify(name.replace(".", "furrow"))})`)
    const script = `const all = [${imports.join(", ")}]; console.log(all.every((one) => Object.keys(one).length > 0))`
    writeFileSync(join(app, "entries.ts"), script)
    for (const [command, ...args] of [
      ["bun", "run"],
      ["deno", "run", "-A", "--no-check"]
    ] as const) {
      expect(execFileSync(binary(command), [...args, "entries.ts"], { cwd: app, encoding: "utf8" }).trim()).toBe("true")
    }
  }, 60_000)
})

test("sources import what they need of Effect, and no barrel of it: a start, and each thread's, would load it all", () => {
  const barrels = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => /^\S.* from "(effect|@effect\/\w+)"$/m.test(readFileSync(join(root, "src", file), "utf8")))
  expect(barrels).toEqual([])
})

test("modules that do something when they are loaded are listed, so that bundlers leave out others that are not used", () => {
  const active = sources.filter(({ code }) => /^(?:import "|[\w.]+\(|(?:for|if|while|try|switch) ?[({])/m.test(code))
  // The compiler of the kernels is no part of the package.
  const files = active.map(({ file }) => file).filter((file) => file !== "wasm/compile.ts")
  expect(files).toEqual(["index.ts", "scheduler/backends/threads/ThreadEntry.ts", "thread.ts"])
  expect(manifest.sideEffects.toSorted()).toEqual(
    files.map((file) => `./dist/${entryOf(file.replace(/\.ts$/, ""))}`).toSorted()
  )
})

test("no module loads fast-check, which the module Schema does", () => {
  const loads = sources.filter(({ code }) =>
    /^import (?!type )[^"]*"@effect\/schema\/(?:Schema|Arbitrary|FastCheck)"/m.test(code)
  )
  expect(loads.map(({ file }) => file)).toEqual([])
})
