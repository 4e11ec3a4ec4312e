import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { Store } from "../../../src/index.ts"
import { ranged, type Server, serve } from "../../support/server.ts"

const bytes = Uint8Array.from({ length: 100_000 }, (_, place) => (place * 7 + (place >> 8)) & 255)
const etag = { etag: '"one"' }

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void

/** What the server does, by path; each is called with the number of its call. */
const handlers = new Map<string, Handler>()
const calls = new Map<string, number>()
let server: Server | undefined
let other: Server | undefined

const handle = (request: IncomingMessage, response: ServerResponse): void => {
  const path = new URL(request.url ?? "/", "http://host").pathname
  const number = calls.get(path) ?? 0
  calls.set(path, number + 1)
  const handler = handlers.get(path)
  if (handler !== undefined) handler(request, response, number)
  else {
    response.writeHead(404)
    response.end()
  }
}

const root = async (): Promise<string> => {
  server ??= await serve(handle)
  return server.url
}
afterAll(() => Promise.all([server?.close(), other?.close()]))

let names = 0
/** A new address at which the server does this. */
const at = async (handler: Handler): Promise<string> => {
  const path = `/${names++}`
  handlers.set(path, handler)
  return `${await root()}${path}`
}

const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(code, headers)
    response.end()
  }

const fast = { retry: Schedule.recurs(3) }

const use = <A, E>(
  effect: (store: Store.StoreService) => Effect.Effect<A, E>,
  layer: Layer.Layer<Store.Store, unknown> = Store.http(fast)
) => Effect.runPromise(Effect.provide(Effect.flatMap(Store.Store, effect), layer))

/** Reads a part of an object, or all. */
const read =
  (location: string, offset = 0, length?: number) =>
  (store: Store.StoreService) =>
    Effect.flatMap(store.stat({ location }), (info) => store.read(info, offset, length ?? info.size - offset))

const refused = (location: string, layer?: Layer.Layer<Store.Store, unknown>, offset = 5, length = 10) =>
  use((store) => Effect.flip(read(location, offset, length)(store)), layer)

describe("a server with ranges", () => {
  test("parts, the whole and a stream are what the object holds", async () => {
    const location = await at((request, response) => ranged(request, response, bytes, etag))
    await use((store) =>
      Effect.gen(function* () {
        const info = yield* store.stat({ location })
        expect(info).toEqual({ location, size: bytes.length, version: '"one"' })
        expect(yield* store.read(info, 1000, 50)).toEqual(bytes.slice(1000, 1050))
        expect(yield* store.read(info, 0, bytes.length)).toEqual(bytes.slice())
        expect((yield* store.read(info, 7, 0)).length).toBe(0)
        const parts = yield* Stream.runCollect(store.stream(info, 99_000))
        expect(Buffer.concat(Array.from(parts)).equals(bytes.subarray(99_000))).toBe(true)
      })
    )
  })

  test("reads that wait are joined over small gaps, and each has bytes of its own", async () => {
    const location = await at((request, response) => ranged(request, response, bytes, etag))
    const layer = Store.http({ ...fast, concurrency: 2, gap: 100 })
    await use(
      (store) =>
        Effect.gen(function* () {
          const info = yield* store.stat({ location })
          const before = server?.asked.length
          const parts = yield* Effect.all(
            [store.read(info, 0, 10), store.read(info, 110, 10), store.read(info, 50_000, 10), store.read(info, 5, 10)],
            { concurrency: "unbounded" }
          )
          expect(server?.asked.slice(before).map((own) => own.split(" ")[2])).toEqual([
            "bytes=0-119",
            "bytes=50000-50009"
          ])
          expect(parts).toEqual([
            bytes.slice(0, 10),
            bytes.slice(110, 120),
            bytes.slice(50_000, 50_010),
            bytes.slice(5, 15)
          ])
          parts[0]?.fill(0)
          expect(parts[3]).toEqual(bytes.slice(5, 15))
        }),
      layer
    )
  })

  test("no more requests and bytes are under way than stated", async () => {
    let running = 0
    let most = 0
    const location = await at((request, response) => {
      if (request.method === "HEAD") return ranged(request, response, bytes, etag)
      most = Math.max(most, ++running)
      setTimeout(() => {
        running--
        ranged(request, response, bytes, etag)
      }, 5)
    })
    const many = (store: Store.StoreService) =>
      Effect.flatMap(store.stat({ location }), (info) =>
        Effect.forEach(Array.from({ length: 12 }), (_, place) => store.read(info, place * 5000, 1000), {
          concurrency: "unbounded"
        })
      )
    await use(many, Store.http({ ...fast, concurrency: 3, gap: 0 }))
    expect(most).toBe(3)
    most = 0
    await use(many, Store.http({ ...fast, bytes: 2000, gap: 0 }))
    expect(most).toBe(2)
  })

  test("an interrupted read gives its connection up", async () => {
    let closed: (() => void) | undefined
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve
    })
    const location = await at((request, response) => {
      if (request.method === "HEAD") return ranged(request, response, bytes, etag)
      response.on("close", () => closed?.())
      response.writeHead(206, { "content-range": `bytes 5-14/${bytes.length}`, ...etag })
      response.write("x")
    })
    await use((store) => Effect.timeoutOption(read(location, 5, 10)(store), "100 millis"))
    await isClosed
  })
})

describe("a server without ranges", () => {
  test("is read as a whole, once, whoever asks for which part", async () => {
    const location = await at((request, response) => {
      response.writeHead(200, { "content-length": bytes.length, ...etag })
      response.end(request.method === "HEAD" ? undefined : bytes)
    })
    const before = server?.asked.length
    await use((store) =>
      Effect.gen(function* () {
        const info = yield* store.stat({ location })
        const parts = yield* Effect.forEach([50_000, 3, 99_990], (offset) => store.read(info, offset, 10), {
          concurrency: "unbounded"
        })
        expect(parts).toEqual([bytes.slice(50_000, 50_010), bytes.slice(3, 13), bytes.slice(99_990)])
      })
    )
    expect(server?.asked.slice(before).filter((own) => own.startsWith("GET")).length).toBe(1)
  })

  test.each(["with its length", "in pieces"])(
    "is asked again for an object that was replaced by a longer or shorter one of the same time: %s",
    async (how) => {
      let body = new Uint8Array(64).fill(1)
      const location = await at((request, response) => {
        const headers = { "last-modified": "Sat, 28 Nov 2020 10:00:00 GMT" }
        response.writeHead(200, how === "in pieces" ? headers : { ...headers, "content-length": String(body.length) })
        if (request.method === "HEAD") return void response.end()
        response.write(body.subarray(0, 10))
        response.end(body.subarray(10))
      })
      const read = await use((store) =>
        Effect.gen(function* () {
          const parts: Array<readonly [number, number | undefined]> = []
          const infos: Array<Store.ObjectInfo> = []
          for (const [place, size] of [64, 40, 90].entries()) {
            body = new Uint8Array(size).fill(place + 1)
            const info = yield* store.stat({ location })
            infos.push(info)
            parts.push([info.size, (yield* store.read(info, size - 4, 4))[0]])
          }
          // What is open stays as it was.
          for (const info of infos) parts.push([info.size, (yield* store.read(info, 4, 4))[0]])
          return parts
        })
      )
      const each = [
        [64, 1],
        [40, 2],
        [90, 3]
      ]
      expect<unknown>(read).toEqual([...each, ...each])
    }
  )

  test("whose answers come in pieces, without a length and without HEAD", async () => {
    const location = await at((request, response) => {
      if (request.method === "HEAD") return status(405)(request, response, 0)
      response.writeHead(200)
      response.write(bytes.subarray(0, 1000))
      response.end(bytes.subarray(1000))
    })
    expect(await use(read(location, 999, 5))).toEqual(bytes.slice(999, 1004))
    expect(calls.get(new URL(location).pathname)).toBe(2)
    const error = await refused(location, Store.http({ wholeBytes: 5000 }))
    expect(error).toMatchObject({ _tag: "StoreError", kind: "limit" })
  })
})

describe("what a server answers otherwise", () => {
  test.each([
    [401, "denied"],
    [403, "denied"],
    [404, "missing"],
    [410, "missing"],
    [416, "changed"],
    [418, "failed"],
    [429, "unavailable"],
    [500, "unavailable"],
    [503, "unavailable"]
  ])("%d is an error of kind %s, with its status", async (code, kind) => {
    const location = await at((request, response, number) =>
      number === 0 ? ranged(request, response, bytes, etag) : status(code)(request, response, number)
    )
    const error = await refused(location)
    expect(error).toMatchObject({ _tag: "StoreError", kind, status: code, location })
    expect(String(error).includes("(after 4 attempts)")).toBe(kind === "unavailable")
    expect(await refused(await at(status(code)))).toMatchObject({ _tag: "StoreError", kind, status: code })
  })

  test("what may go better is repeated, and waits as the server says", async () => {
    const location = await at((request, response, number) => {
      if (number === 1) return status(503, { "retry-after": "0" })(request, response, number)
      if (number === 2) return void request.socket.destroy()
      if (number === 3) {
        response.writeHead(206, { "content-range": `bytes 5-14/${bytes.length}`, "content-length": 10, ...etag })
        response.write("x")
        return void setTimeout(() => request.socket.destroy(), 1)
      }
      ranged(request, response, bytes, etag)
    })
    expect(await use(read(location, 5, 10))).toEqual(bytes.slice(5, 15))
    const patient = await at(status(429, { "retry-after": "3600" }))
    expect(await refused(patient)).toMatchObject({ kind: "unavailable", retryAfter: 3_600_000 })
    expect(calls.get(new URL(patient).pathname)).toBe(1)
  })

  test("an answer that takes too long", async () => {
    const location = await at((request, response, number) => {
      if (number === 0) return ranged(request, response, bytes, etag)
      response.writeHead(206, { "content-range": `bytes 5-14/${bytes.length}`, ...etag })
      response.write("x")
    })
    const layer = Store.http({ timeout: "100 millis", retry: Schedule.recurs(1) })
    expect(await refused(location, layer)).toMatchObject({ kind: "timeout", attempts: 2 })
  })

  test.each([
    ["nothing", undefined, "invalid"],
    ["another range", `bytes 6-15/${bytes.length}`, "invalid"],
    ["a shorter range", `bytes 5-13/${bytes.length}`, "invalid"],
    ["nonsense", "bytes five-ten/many", "invalid"],
    ["another size", "bytes 5-14/99", "changed"],
    ["a range beyond the size", "bytes 5-14/12", "invalid"]
  ])("a Content-Range of %s", async (_, range, kind) => {
    const location = await at((request, response, number) => {
      if (number === 0) return ranged(request, response, bytes, etag)
      response.writeHead(206, range === undefined ? {} : { "content-range": range })
      response.end(bytes.subarray(5, 15))
    })
    expect(await refused(location)).toMatchObject({ _tag: "StoreError", kind })
  })

  test("a body that is longer than its range is left", async () => {
    const location = await at((request, response, number) => {
      if (number === 0) return ranged(request, response, bytes, etag)
      response.writeHead(206, { "content-range": `bytes 5-14/${bytes.length}` })
      response.end(bytes)
    })
    expect(await refused(location)).toMatchObject({ _tag: "StoreError", kind: "invalid" })
  })

  test("bytes without a version, of an object that has one, may be of another", async () => {
    const location = await at((request, response, number) => ranged(request, response, bytes, number === 0 ? etag : {}))
    expect(await refused(location)).toMatchObject({ _tag: "StoreError", kind: "invalid" })
  })

  test.each(["with its length", "in pieces"])(
    "a whole object without a version, %s, is one for each opening",
    async (how) => {
      let body = new Uint8Array(64).fill(1)
      const location = await at((request, response) => {
        response.writeHead(200, how === "in pieces" ? {} : { "content-length": String(body.length) })
        if (request.method === "HEAD") return void response.end()
        response.write(body.subarray(0, 10))
        response.end(body.subarray(10))
      })
      const read = await Effect.runPromise(
        Effect.gen(function* () {
          const store = yield* Store.Store
          const one = yield* store.stat({ location })
          const before = yield* store.read(one, 0, 4)
          body = new Uint8Array(64).fill(2)
          const other = yield* store.stat({ location })
          return [before, yield* store.read(other, 4, 4), yield* store.read(one, 60, 4)].map((own) => own[0])
        })
      )
      expect(read).toEqual([1, 2, 1])
    }
  )

  test("an object that changed is not mixed with its old self", async () => {
    const location = await at((request, response, number) =>
      ranged(request, response, bytes, { etag: number === 0 ? '"one"' : '"two"' })
    )
    expect(await refused(location)).toMatchObject({ _tag: "StoreError", kind: "changed" })
    const byTime = await at((request, response, number) =>
      ranged(request, response, bytes, { "last-modified": new Date(number * 1e6).toUTCString() })
    )
    expect(await refused(byTime)).toMatchObject({ kind: "changed" })
    const weak = await at((request, response, number) =>
      ranged(request, response, bytes, { etag: number === 0 ? '"one"' : 'W/"one"' })
    )
    expect(await use(read(weak, 5, 10))).toEqual(bytes.slice(5, 15))
  })

  test.each<readonly [string, Record<string, string>]>([
    ["nothing", {}],
    ["a time", { "last-modified": new Date(1e12).toUTCString() }]
  ])("an object of which HEAD says %s is not mixed either, with a cache or without", async (_, said) => {
    const serves = (tag: (number: number) => Record<string, string>) =>
      at((request, response, number) =>
        ranged(request, response, bytes, request.method === "HEAD" ? said : tag(number))
      )
    const both = (location: string, layer?: Layer.Layer<Store.Store, unknown>) =>
      use(
        (store) =>
          Effect.flatMap(store.stat({ location }), (info) =>
            Effect.zipRight(store.read(info, 0, 10), Effect.either(store.read(info, 50_000, 10)))
          ),
        layer
      )
    const folder = mkdtempSync(join(tmpdir(), "furrow-http-"))
    try {
      const cached = Store.cached(folder, { bytes: 1e6, blockBytes: 4096 }).pipe(Layer.provide(Store.http(fast)))
      for (const layer of [undefined, cached]) {
        const changing = await serves((number) => ({ etag: `"${number}"` }))
        expect(await both(changing, layer)).toMatchObject({ left: { _tag: "StoreError", kind: "changed" } })
        // Another opening begins anew, and finds no block of the first.
        expect(await both(changing, layer)).toMatchObject({ left: { _tag: "StoreError", kind: "changed" } })
        const moved = await serves((number) => ({ "last-modified": new Date(number * 1e6).toUTCString() }))
        if (said["last-modified"] === undefined) {
          expect(await both(moved, layer)).toMatchObject({ left: { kind: "changed" } })
        }
        const steady = await serves(() => ({ etag: '"one"' }))
        expect(await both(steady, layer)).toMatchObject({ right: bytes.slice(50_000, 50_010) })
      }
      expect(
        existsSync(join(folder, "furrow-blocks-1"))
          ? readdirSync(join(folder, "furrow-blocks-1")).filter((name) => /^[0-9a-f]{32}-/.test(name))
          : []
      ).toEqual([])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test("an answer that is compressed on the way cannot be counted", async () => {
    const location = await at((request, response, number) =>
      ranged(request, response, bytes, number === 0 ? etag : { "content-encoding": "br" })
    )
    expect(await refused(location)).toMatchObject({ _tag: "StoreError" })
  })
})

describe("redirects", () => {
  test("are followed, without what is secret where they lead elsewhere", async () => {
    const seen: Array<string | undefined> = []
    other ??= await serve((request, response) => {
      seen.push(request.headers.authorization)
      ranged(request, response, bytes, etag)
    })
    const away = await at(status(302, { location: `${other.url}/x` }))
    const home = await at((request, response, number) => {
      expect(request.headers.authorization).toBe("Bearer secret")
      status(307, { location: new URL(away).pathname })(request, response, number)
    })
    const layer = Store.http({ ...fast, headers: { Authorization: Redacted.make("Bearer secret") } })
    expect(await use(read(home, 5, 10), layer)).toEqual(bytes.slice(5, 15))
    expect(seen).toEqual([undefined, undefined])
  })

  test.each([
    ["in a circle", (self: string) => self, "invalid"],
    ["to another protocol", () => "file:///etc/passwd", "invalid"],
    ["to nowhere", () => "http://[", "invalid"]
  ])("%s", async (_, to, kind) => {
    const location = await at((request, response, number) =>
      status(301, { location: to(request.url ?? "") })(request, response, number)
    )
    expect(await refused(location)).toMatchObject({ _tag: "StoreError", kind })
  })
})

test("no error shows what is secret in an address or a header", async () => {
  const secret = "hush-hush"
  const location = `${await at(status(403))}?X-Amz-Signature=${secret}&part=1`
  const layer = Store.http({ ...fast, headers: { "x-token": Redacted.make(secret) } })
  const texts = await use(
    (store) =>
      Effect.gen(function* () {
        const denied = yield* Effect.flip(store.stat({ location }))
        const resolved = yield* Effect.flip(Store.resolve(location))
        const closed = yield* Effect.flip(Store.resolve(`http://127.0.0.1:1/x?sig=${secret}`))
        return [denied, resolved, closed].map((error) => `${error} ${JSON.stringify(error)}`)
      }).pipe(Effect.provideService(Store.Store, store)),
    layer
  )
  expect(texts[1]).toContain("part=1")
  for (const text of texts) expect(text).not.toContain(secret)
})

test("HTTP has no listing, and no user in its addresses", async () => {
  const found = (location: string) => Effect.runPromise(Effect.flip(Store.resolve(location)))
  expect(await found(`${await root()}/folder/`)).toMatchObject({ _tag: "StoreError", kind: "unsupported" })
  expect(await found("http://host/*.txt")).toMatchObject({ _tag: "InvalidOption" })
  expect(String(await found("http://me:hush@host/a.txt"))).not.toContain("hush")
})
