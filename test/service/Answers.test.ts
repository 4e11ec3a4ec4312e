/**
 * What a service answers to requests that are not as they should be, and what it tells of itself.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { request } from "node:http"
import { Effect, Exit, Redacted, Scope } from "effect"
import { Dataset, InvalidOption, Pipeline, Sampler } from "../../src/index.ts"
import { Service } from "../../src/service.ts"

const numbers = Pipeline.from(Dataset.range(100)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(8))
const failing = Pipeline.from(Dataset.range(100)).pipe(
  Pipeline.map("break", (value) => {
    if (value === 20) throw new Error("no twenty")
    return value
  }),
  Pipeline.batch(8)
)

const scope = Effect.runSync(Scope.make())
const TOKEN = "the secret of this test"
let open = ""
let locked = ""

const served = (options: Omit<Service.ServeOptions<never>, "pipelines">) =>
  Effect.runPromise(
    Scope.extend(Service.serve({ pipelines: { numbers: numbers, failing: failing }, ...options }), scope)
  )

beforeAll(async () => {
  open = (await served({})).url
  locked = (await served({ token: Redacted.make(TOKEN) })).url
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const get = (url: string, headers: Readonly<Record<string, string>> = {}, method = "GET", path?: string) =>
  new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    const asked = request(
      url,
      { headers, method, agent: false, ...(path === undefined ? {} : { path }) },
      (response) => {
        let body = ""
        response.on("data", (piece: Buffer) => {
          body += piece.toString()
        })
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }))
        response.on("error", reject)
      }
    )
    asked.on("error", reject)
    asked.end()
  })

const cursorOf = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

describe("a service refuses", () => {
  const cases: ReadonlyArray<readonly [query: string, status: number, says: string]> = [
    ["pipeline=numbers&seed=1", 400, "epochs must be given (epochs=3 for epochs 0 to 2), or epoch=2"],
    ["epochs=1", 400, "numbers, failing"],
    ["pipeline=constructor&epochs=1", 400, "numbers, failing"],
    ["pipeline=numbers&epochs=1", 400, "seed"],
    ["pipeline=numbers&seed=1&epochs=1&epoch=0", 400, "epochs"],
    ["pipeline=numbers&epochs=-1", 400, "epochs"],
    ["pipeline=numbers&epochs=1e3", 400, 'epochs must be a whole number of at least 0, got \\"1e3\\"'],
    ["pipeline=numbers&epochs=1&epochs=2", 400, "once"],
    ["pipeline=numbers&epochs=1&sed=4", 400, "sed"],
    ["pipeline=numbers&epochs=1&policy=none", 400, "epochWorker, elastic"],
    ["pipeline=numbers&epochs=1&seed=1.5", 400, "seed"],
    ["pipeline=numbers&seed=1&epochs=1&rank=3&world=2", 400, "rank"],
    ["pipeline=numbers&epochs=1&workers=0", 400, "workers"],
    ["pipeline=numbers&epochs=1&format=pickle", 400, "frames, ndjson"],
    ["pipeline=numbers&epochs=1&digest=yes", 400, "digest"],
    ["pipeline=numbers&epochs=1&from=%%%", 400, "cursor"],
    [`pipeline=numbers&epochs=1&from=${cursorOf({ version: 2 })}`, 400, "cursor"],
    [`pipeline=numbers&epochs=1&from=${cursorOf(null)}`, 400, "cursor"],
    [`pipeline=numbers&epochs=1&seed=${"9".repeat(9000)}`, 414, "too long"]
  ]
  for (const [query, status, says] of cases) {
    test(`${query.slice(0, 60)}`, async () => {
      const answer = await get(`${open}/batches?${query}`)
      expect([answer.status, answer.body.includes(says) ? says : answer.body]).toEqual([status, says])
    })
  }

  test("other paths, other methods, and names under which a browser may have come", async () => {
    expect((await get(`${open}/elsewhere`)).status).toBe(404)
    expect((await get(open, {}, "GET", "//")).status).toBe(400)
    expect((await get(`${open}/batches?epochs=1`, {}, "POST")).status).toBe(405)
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "128.0.0.1"]) {
      expect((await get(`${open}/runs`, { host })).status).toBe(403)
    }
    for (const host of ["LOCALHOST:7717", "127.0.0.2", "[::1]:1"]) {
      expect((await get(`${open}/runs`, { host })).status).toBe(200)
    }
    expect((await get(`${open}/runs`, { host: "localhost:1" })).status).toBe(200)
  })

  test("whoever lacks the token, which is printed nowhere", async () => {
    const all = await Promise.all([
      get(`${locked}/runs`),
      get(`${locked}/runs`, { authorization: "Bearer " }),
      get(`${locked}/runs`, { authorization: `Bearer ${TOKEN}x` }),
      get(`${locked}/metrics`, { authorization: TOKEN.slice(0, -1) })
    ])
    for (const [at, { body, status }] of all.entries()) {
      expect(status).toBe(401)
      expect(body).not.toContain(TOKEN)
      expect(body).toContain(at < 2 ? "none was given" : "the one given is wrong")
    }
    expect((await get(`${locked}/runs`, { authorization: `Bearer ${TOKEN}` })).status).toBe(200)
    expect((await get(`${locked}/health`)).status).toBe(200)
  })

  test("a run that fails tells everybody its error, with its place", async () => {
    const { body, status } = await get(`${open}/batches?pipeline=failing&epochs=1&format=ndjson`)
    const lines = body.trim().split("\n")
    expect(status).toBe(200)
    expect(lines.length).toBe(4)
    expect(lines.at(-1)).toContain("StageError")
    expect(lines.at(-1)).toContain("no twenty")
  })

  test("to be opened where others could reach it without a token", async () => {
    for (const options of [
      { host: "0.0.0.0" },
      { token: Redacted.make("short") },
      { pipelines: {} },
      { port: 70_000 }
    ]) {
      const exit = await Effect.runPromiseExit(
        Effect.scoped(Service.serve({ pipelines: { numbers: numbers }, ...options }))
      )
      expect(Exit.isFailure(exit) && exit.cause._tag === "Fail" && exit.cause.error).toBeInstanceOf(
        InvalidOption.InvalidOption
      )
    }
    const port = Number(new URL(open).port)
    const taken = await Effect.runPromiseExit(Effect.scoped(Service.serve({ pipelines: { numbers: numbers }, port })))
    expect(String(taken)).toContain(`127.0.0.1:${port}`)
  })
})

describe("a service tells", () => {
  test("its runs and its counts, as Prometheus reads them", async () => {
    const { url } = await served({})
    await get(`${url}/batches?pipeline=numbers&epochs=1&seed=5`)
    const [run] = JSON.parse((await get(`${url}/runs`)).body) as ReadonlyArray<Record<string, unknown>>
    expect(run).toMatchObject({ pipeline: "numbers", batches: 13, samples: 100, readers: 0 })
    const { body } = await get(`${url}/metrics`)
    expect(body).toContain("\nfurrow_service_batches_total 13\n")
    for (const line of body.trim().split("\n")) expect(line).toMatch(/^(# (HELP|TYPE) )?[a-z_]+ \S/)
  })

  test("that it drains: who is connected gets all, nobody else gets anything", async () => {
    const { drain, url } = await served({})
    const loader = await Effect.runPromise(
      Scope.extend(Service.connect(url, { pipeline: "numbers", seed: 1, epochs: 1 }), scope)
    )
    const done = Effect.runPromise(drain)
    expect((await get(`${url}/health`)).status).toBe(503)
    expect((await get(`${url}/batches?pipeline=numbers&epochs=1&seed=1`)).status).toBe(503)
    let samples = 0
    await Effect.runPromise(
      loader.forEach(({ size }) =>
        Effect.sync(() => {
          samples += size
        })
      )
    )
    expect(samples).toBe(100)
    await done
  })

  test("a trainer where the run ends or fails, once and for all", async () => {
    const loader = await Effect.runPromise(
      Scope.extend(Service.connect(open, { pipeline: "failing", epochs: 1 }), scope)
    )
    const error = await Effect.runPromise(Effect.flip(loader.forEach(() => Effect.void)))
    expect(error).toMatchObject({ _tag: "ServiceError", kind: "run", tag: "StageError" })
    expect(String(error.message)).toContain("no twenty")
  })
})
