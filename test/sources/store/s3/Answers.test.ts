import { afterAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { inspect } from "node:util"
import { ConfigProvider, Effect, Fiber, Layer, Logger, Redacted, Schedule, Stream } from "effect"
import { Store } from "../../../../src/index.ts"
import { ranged, serve } from "../../../support/server.ts"

type Handler = (request: IncomingMessage, response: ServerResponse, number: number, body: Buffer) => void

/** What the server does with what is asked of a bucket, by the number of the request. */
const buckets = new Map<string, { readonly handler: Handler; number: number }>()
const server = await serve((request, response, body) => {
  const bucket = request.url?.split(/[/?]/)[1] ?? ""
  const own = buckets.get(bucket)
  if (own === undefined) response.writeHead(500).end()
  else own.handler(request, response, own.number++, body)
})
afterAll(server.close)

let names = 0
/** A new bucket, of which the server answers so. */
const bucketOf = (handler: Handler): string => {
  const name = `bucket-${names++}`
  buckets.set(name, { handler, number: 0 })
  return name
}

const SECRET = "hush/hush+secret"
const TOKEN = "hush-token=="
const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: Redacted.make(SECRET),
  sessionToken: Redacted.make(TOKEN)
}
const options = { endpoint: server.url, credentials, retry: Schedule.recurs(2) }

const use = <A, E>(
  effect: (store: Store.StoreService) => Effect.Effect<A, E>,
  layer: Layer.Layer<Store.Store, unknown> = Store.s3(options)
): Promise<A> => Effect.runPromise(Effect.provide(Effect.flatMap(Store.Store, effect), layer))

const bytes = Uint8Array.from({ length: 1000 }, (_, place) => place & 255)
const etag = { etag: '"one"' }

const xml = (
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {}
) => {
  response.writeHead(status, { "content-type": "application/xml", ...headers })
  response.end(text)
}
const error = (code: string, more = "") =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Told by the server</Message>${more}</Error>`

const read = (bucket: string) => (store: Store.StoreService) =>
  Effect.flatMap(store.stat({ location: `s3://${bucket}/a` }), (info) => store.read(info, 5, 10))

describe("errors of S3", () => {
  test.each([
    [403, "AccessDenied", "", "denied", "do not allow"],
    [403, "SignatureDoesNotMatch", `<StringToSign>${SECRET}</StringToSign>`, "denied", "AWS_SECRET_ACCESS_KEY"],
    [403, "RequestTimeTooSkewed", "", "denied", "set the clock"],
    [400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>", "denied", 'region: "eu-west-3"'],
    [403, "InvalidObjectState", "", "unsupported", "restore it"],
    [404, "NoSuchKey", "", "missing", "no such object"],
    [404, "NoSuchBucket", "", "missing", "no such bucket"],
    [412, "PreconditionFailed", "", "changed", "open it again"],
    [416, "InvalidRange", "", "changed", "open it again"],
    [418, "Teapot", "", "failed", "Told by the server"],
    [429, "Whatever", "", "unavailable", "Told by the server"],
    [400, "RequestTimeout", "", "unavailable", "waited too long"],
    [500, "InternalError", "", "unavailable", "fault"],
    [503, "SlowDown", "", "unavailable", "too often"]
  ])("%d %s", async (status, code, more, kind, said) => {
    const bucket = bucketOf((request, response, number) =>
      number === 0 ? ranged(request, response, bytes, etag) : xml(response, status, error(code, more))
    )
    const failed = await use((store) => Effect.flip(read(bucket)(store)))
    expect(failed).toMatchObject({ _tag: "StoreError", kind, status, location: `s3://${bucket}/a` })
    expect(failed.message).toContain(code)
    expect(failed.message).toContain(said)
    expect(failed.message.includes("(after 3 attempts)")).toBe(kind === "unavailable")
  })

  test.each([
    ["no XML", "sorry", "text/plain"],
    ["an entity", `<!DOCTYPE a [<!ENTITY x "y">]><Error><Code>&x;</Code></Error>`, "application/xml"],
    ["nothing", "", "application/xml"],
    ["megabytes", `<Error><Code>${"x".repeat(3_000_000)}</Code></Error>`, "application/xml"]
  ])("whose text is %s are told by their status", async (_, text, type) => {
    const bucket = bucketOf((request, response, number) =>
      number === 0 ? ranged(request, response, bytes, etag) : xml(response, 403, text, { "content-type": type })
    )
    expect(await use((store) => Effect.flip(read(bucket)(store)))).toMatchObject({ kind: "denied", status: 403 })
  })

  test.each(["GET", "HEAD"])("a bucket in another region, by %s", async (method) => {
    const bucket = bucketOf((request, response, number) => {
      if (method === "GET" && number === 0) ranged(request, response, bytes, etag)
      else
        xml(response, 301, request.method === "HEAD" ? "" : error("PermanentRedirect"), {
          "x-amz-bucket-region": "eu-west-1"
        })
    })
    const failed = await use((store) => Effect.flip(read(bucket)(store)))
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "failed", status: 301 })
    expect(failed.message).toContain('set region: "eu-west-1"')
  })

  test.each([
    ["file:///etc/passwd", "redirects to file:,"],
    ["https://other.example/a", "redirects to https://other.example,"],
    ["/a", "redirects to another address,"]
  ])("a redirect to %s that names no region", async (target, said) => {
    const bucket = bucketOf((_, response) => xml(response, 302, "", { location: target }))
    const failed = await use((store) => Effect.flip(read(bucket)(store)))
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "failed", status: 302 })
    expect(failed.message).toContain(said)
    expect(failed.message).not.toContain("set region")
  })

  test.each([
    ["s3://b/", "3 to 63"],
    ["s3://", "s3://bucket/key; wildcards"],
    ["s3://bucket*/a", "wildcards"]
  ])("%s has no name of a bucket, and the message says why", async (location, said) => {
    const failed = await use(() => Effect.flip(Store.resolve(location)))
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "unsupported" })
    expect(failed.message).toContain(said)
  })

  test("what may go better is repeated, and signed anew", async () => {
    const dates: Array<unknown> = []
    const bucket = bucketOf((request, response, number) => {
      dates.push(request.headers.authorization)
      if (number === 1) return xml(response, 503, error("SlowDown"), { "retry-after": "0" })
      if (number === 2) return void request.socket.destroy()
      ranged(request, response, bytes, etag)
    })
    expect(await use(read(bucket))).toEqual(bytes.slice(5, 15))
    expect(dates.length).toBe(4)
  })

  test("the version that was opened is asked for", async () => {
    const asked: Array<unknown> = []
    const bucket = bucketOf((request, response) => {
      asked.push(request.headers["if-match"])
      ranged(request, response, bytes, etag)
    })
    await use((store) =>
      Effect.gen(function* () {
        const info = yield* store.stat({ location: `s3://${bucket}/a`, version: '"old"', size: 1 })
        expect(info).toEqual({ location: `s3://${bucket}/a`, version: '"one"', size: bytes.length })
        yield* store.read(info, 0, 1)
      })
    )
    expect(asked).toEqual([undefined, '"one"'])
  })
})

describe("credentials", () => {
  const keyOf = ({ headers }: IncomingMessage): string =>
    /Credential=(\w+)/.exec(headers.authorization ?? "")?.[1] ?? ""

  test("of a provider are asked for again before they expire, and when the server says that they have", async () => {
    const seen: Array<string> = []
    const bucket = bucketOf((request, response, number) => {
      seen.push(keyOf(request))
      if (number === 2) xml(response, 400, error("ExpiredToken"))
      else ranged(request, response, bytes, etag)
    })
    let given = 0
    const provider = Effect.sync(() => {
      const number = given++
      const expiration = new Date(Date.now() + (number === 0 ? 61_000 : 3_600_000))
      return { ...credentials, accessKeyId: `KEY${number}`, expiration }
    })
    await use(
      (store) =>
        Effect.gen(function* () {
          const info = yield* store.stat({ location: `s3://${bucket}/a` })
          yield* store.read(info, 0, 1)
          expect(yield* store.read(info, 1, 1)).toEqual(bytes.slice(1, 2))
          expect(given).toBe(2)
        }),
      Store.s3({ ...options, credentials: provider })
    )
    expect(seen).toEqual(["KEY0", "KEY0", "KEY0", "KEY1"])
    const soon = Effect.sync(() => ({
      ...credentials,
      accessKeyId: `KEY${given++}`,
      expiration: new Date(Date.now() + 30_000)
    }))
    await use(read(bucket), Store.s3({ ...options, credentials: soon }))
    expect(seen.slice(4)).toEqual(["KEY2", "KEY3"])
  })

  test("that have expired for good are an error, and asked for twice at most", async () => {
    let asked = 0
    const bucket = bucketOf((request, response) => {
      asked++
      xml(response, 400, request.method === "HEAD" ? "" : error("ExpiredToken"))
    })
    const failed = await use((store) => Effect.flip(store.stat({ location: `s3://${bucket}/a` })))
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "denied", status: 400 })
    expect(asked).toBe(3)
  })

  test("of the configuration, of nobody, and none", async () => {
    const seen: Array<IncomingMessage["headers"]> = []
    const bucket = bucketOf((request, response) => {
      seen.push(request.headers)
      ranged(request, response, bytes, etag)
    })
    const set = (entries: ReadonlyArray<readonly [string, string]>) =>
      Layer.setConfigProvider(ConfigProvider.fromMap(new Map(entries)))
    const { retry } = options
    const configured = Store.s3({ retry }).pipe(
      Layer.provide(
        set([
          ["AWS_ACCESS_KEY_ID", "CONFIGURED"],
          ["AWS_SECRET_ACCESS_KEY", SECRET],
          ["AWS_ENDPOINT_URL_S3", server.url],
          ["AWS_REGION", "eu-north-1"]
        ])
      )
    )
    await use(read(bucket), configured)
    expect(seen[0]?.authorization).toMatch(/Credential=CONFIGURED\/\d{8}\/eu-north-1\/s3\/aws4_request/)
    await use(read(bucket), Store.s3({ ...options, credentials: "anonymous" }))
    expect(seen[2]?.authorization).toBeUndefined()
    const none = Store.s3({ endpoint: server.url }).pipe(Layer.provide(set([])))
    const failed = await use((store) => Effect.flip(read(bucket)(store)), none)
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "denied" })
    expect(failed.message).toContain("set AWS_ACCESS_KEY_ID")
  })

  test.each([
    ["fails", Effect.fail({ _tag: "NoProfile", secret: SECRET }), "NoProfile"],
    ["gives nothing", Effect.succeed(undefined), "must give accessKeyId"],
    ["gives half", Effect.succeed({ accessKeyId: "A" }), "must give accessKeyId"],
    [
      "gives a line break",
      Effect.succeed({ accessKeyId: "A\r\nb: c", secretAccessKey: SECRET }),
      "must give accessKeyId"
    ],
    ["gives old ones", Effect.succeed({ ...credentials, expiration: new Date(0) }), "have expired"]
  ])("of a provider that %s", async (_, provider, said) => {
    const layer = Store.s3({ ...options, credentials: provider as Effect.Effect<never> }) // untyped code
    const failed = await use((store) => Effect.flip(read(bucketOf(() => {}))(store)), layer)
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "denied" })
    expect(failed.message).toContain(said)
    expect(inspect(failed, { depth: 9 })).not.toContain(SECRET)
  })

  test("are in no error and no log", async () => {
    const logged: Array<string> = []
    const logger = Logger.make((entry) => logged.push(inspect(entry, { depth: 9 })))
    const texts = await Effect.runPromise(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const failures: Array<unknown> = []
        const echo = error("AccessDenied", `<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId>`).replace(
          "Told by the server",
          `you sent ${SECRET} and ${TOKEN}`
        )
        const handlers: ReadonlyArray<Handler> = [
          (_, response) => xml(response, 403, echo),
          (_, response) => xml(response, 500, echo),
          (request) => void request.socket.destroy(),
          (_, response) => xml(response, 200, "<a/>"),
          (_, response) => xml(response, 302, echo, { location: `http://127.0.0.1:1/${encodeURIComponent(SECRET)}` })
        ]
        for (const handler of handlers) {
          const location = `s3://${bucketOf(handler)}/a`
          failures.push(yield* Effect.either(store.stat({ location })))
          failures.push(yield* Effect.flip(store.read({ location, size: 9, version: "" }, 0, 5)))
          failures.push(yield* Effect.flip(Stream.runDrain(store.list(`${location}/`))))
          failures.push(yield* Effect.flip(store.write(location, Stream.make(new Uint8Array(6 * 2 ** 20)))))
        }
        return failures.map((own) => `${own} ${JSON.stringify(own)} ${inspect(own, { depth: 9 })}`)
      }).pipe(
        Effect.withLogSpan("all"),
        Effect.provide(Store.s3({ ...options, retry: Schedule.recurs(0), partBytes: 5 * 2 ** 20 })),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
    )
    expect(texts.length).toBe(20)
    for (const text of [...texts, ...logged]) {
      for (const secret of [SECRET, TOKEN, encodeURIComponent(SECRET)]) expect(text).not.toContain(secret)
    }
  })

  test.each([
    [{ endpoint: `http://me:${SECRET}@host` }],
    [{ endpoint: "ftp://host" }],
    [{ region: "a b" }],
    [{ style: "virtual" }],
    [{ partBytes: 1000 }],
    [{ credentials: { accessKeyId: "a", secretAccessKey: 5 } }],
    [{ credentials: `${SECRET}` }]
  ])("options that cannot be meant: %#", async (given) => {
    const failed = await Effect.runPromise(Effect.flip(Effect.provide(Store.Store, Store.s3(given as never)))) // untyped code
    expect(failed).toMatchObject({ _tag: "InvalidOption" })
    expect(inspect(failed)).not.toContain(SECRET)
  })
})

describe("listings", () => {
  const page = (keys: ReadonlyArray<string>, more = "") =>
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${keys
      .map((key) => `<Contents><Key>${key}</Key><Size>3</Size><ETag>&quot;tag&quot;</ETag></Contents>`)
      .join("")}${more}</ListBucketResult>`
  const next = (token: string) =>
    `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`
  const found = (bucket: string) => use(() => Store.resolve(`s3://${bucket}/f/`))

  test("come in pages, with sizes and versions, and keys in the escapes of addresses", async () => {
    const queries: Array<URLSearchParams> = []
    const bucket = bucketOf((request, response, number) => {
      queries.push(new URL(request.url ?? "", "http://host").searchParams)
      const encoded = "<EncodingType>url</EncodingType>"
      if (number === 0) xml(response, 200, page(["f/a+b%2B.txt", "f/"], `${encoded}${next("t/1=")}`))
      else xml(response, 200, page(["f/%C3%A4.txt"], `${encoded}<IsTruncated>false</IsTruncated>`))
    })
    expect(await found(bucket)).toEqual([
      { location: `s3://${bucket}/f/a b+.txt`, size: 3, version: '"tag"' },
      { location: `s3://${bucket}/f/ä.txt`, size: 3, version: '"tag"' }
    ])
    expect(queries.map((own) => [own.get("list-type"), own.get("prefix"), own.get("continuation-token")])).toEqual([
      ["2", "f/", null],
      ["2", "f/", "t/1="]
    ])
  })

  test.each<readonly [string, Handler]>([
    ["no XML", (_, response) => xml(response, 200, "ok")],
    ["HTML", (_, response) => xml(response, 200, page(["f/a"]), { "content-type": "text/html" })],
    ["other XML", (_, response) => xml(response, 200, "<ListAllMyBucketsResult/>")],
    ["cut XML", (_, response) => xml(response, 200, page(["f/a"]).slice(0, -5))],
    ["an entity", (_, response) => xml(response, 200, `<!DOCTYPE a [<!ENTITY x "f/a">]>${page(["&x;"])}`)],
    ["a key of elsewhere", (_, response) => xml(response, 200, page(["g/a"]))],
    ["a size that is none", (_, response) => xml(response, 200, page(["f/a"]).replace(">3<", ">-3<"))],
    ["more without a token", (_, response) => xml(response, 200, page(["f/a"], "<IsTruncated>true</IsTruncated>"))],
    ["pages in a circle", (_, response, number) => xml(response, 200, page([`f/${number}`], next("same")))],
    ["more text than is held", (_, response) => xml(response, 200, `<ListBucketResult>${" ".repeat(17 * 2 ** 20)}`)]
  ])("of %s are refused", async (_, handler) => {
    const bucket = bucketOf(handler)
    const failed = await use(() => Effect.flip(Store.resolve(`s3://${bucket}/f/`)))
    expect(failed).toMatchObject({ _tag: "StoreError", kind: "invalid" })
  })
})

describe("uploads", () => {
  const begun = "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>"
  const done = `<CompleteMultipartUploadResult><ETag>&quot;all-3&quot;</ETag></CompleteMultipartUploadResult>`
  const MIB = 2 ** 20
  const partBytes = 5 * MIB
  const write = (bucket: string, chunks: Stream.Stream<Uint8Array, "torn">) =>
    use((store) => Effect.either(store.write(`s3://${bucket}/a`, chunks)), Store.s3({ ...options, partBytes }))
  const twelve = Stream.map(Stream.range(1, 12), (number) => new Uint8Array(MIB).fill(number))

  /** A server of uploads; `complete` answers to what would end one. */
  const uploads = (complete: Handler) => {
    const asked: Array<string> = []
    const handler: Handler = (request, response, number, body) => {
      const query = new URL(request.url ?? "", "http://host").searchParams
      const part = query.get("partNumber")
      asked.push(part === null ? `${request.method} ${query.get("uploadId") ?? ""}` : `part ${part}: ${body.length}`)
      if (request.method === "PUT") response.writeHead(200, { etag: `"p${part}"` }).end()
      else if (request.method === "DELETE") response.writeHead(204).end()
      else if (request.method === "HEAD") ranged(request, response, new Uint8Array(12 * MIB), { etag: '"all-3"' })
      else if (query.has("uploads")) xml(response, 200, begun)
      else complete(request, response, number, body)
    }
    return { asked, bucket: bucketOf(handler) }
  }

  test("in parts, of which the last one is shorter", async () => {
    let parts = ""
    const { asked, bucket } = uploads((_, response, __, body) => {
      parts = body.toString()
      xml(response, 200, ` \n${done}`)
    })
    expect(await write(bucket, twelve)).toMatchObject({
      right: { location: `s3://${bucket}/a`, size: 12 * MIB, version: '"all-3"' }
    })
    expect(asked[0]).toBe("POST ")
    expect(asked.slice(1, 4).toSorted()).toEqual([`part 1: ${5 * MIB}`, `part 2: ${5 * MIB}`, `part 3: ${2 * MIB}`])
    expect(asked.slice(4)).toEqual(["POST id"])
    expect(
      Array.from(parts.matchAll(/<PartNumber>(\d)<\/PartNumber><ETag>&#34;p(\d)&#34;/g), ([, a, b]) => `${a}${b}`)
    ).toEqual(["11", "22", "33"])
  })

  test("that fail, or are interrupted, are aborted", async () => {
    const torn = uploads((_, response) => xml(response, 200, done))
    expect(await write(torn.bucket, Stream.concat(twelve, Stream.fail("torn" as const)))).toMatchObject({
      left: "torn"
    })
    expect(torn.asked.at(-1)).toBe("DELETE id")
    expect(torn.asked).not.toContain("POST id")
    const left = uploads((_, response) => xml(response, 200, done))
    const endless = Stream.concat(twelve, Stream.never)
    await use(
      (store) =>
        Effect.race(
          store.write(`s3://${left.bucket}/a`, endless),
          Effect.repeat(Effect.sleep("5 millis"), { until: () => left.asked.some((own) => own.startsWith("part 2")) })
        ),
      Store.s3({ ...options, partBytes })
    )
    expect(left.asked.at(-1)).toBe("DELETE id")
  })

  test("that are interrupted while they begin are aborted once the server has said that they have begun", async () => {
    const asked: Array<string> = []
    const answered = Promise.withResolvers<void>()
    const bucket = bucketOf(async (request, response) => {
      const query = new URL(request.url ?? "", "http://host").searchParams
      asked.push(`${request.method} ${query.get("uploadId") ?? ""}`)
      if (request.method === "DELETE") return void response.writeHead(204).end()
      await answered.promise
      xml(response, 200, begun)
    })
    await use(
      (store) =>
        Effect.gen(function* () {
          const writing = yield* Effect.fork(store.write(`s3://${bucket}/a`, twelve))
          yield* Effect.repeat(Effect.sleep("2 millis"), { until: () => asked.length > 0 })
          const interrupted = yield* Effect.fork(Fiber.interrupt(writing))
          yield* Effect.sleep("5 millis")
          answered.resolve()
          yield* Fiber.join(interrupted)
        }),
      Store.s3({ ...options, partBytes })
    )
    expect(asked).toEqual(["POST ", "DELETE id"])
  })

  test("whose end is an error behind a 200 are ended again", async () => {
    let ends = 0
    const { asked, bucket } = uploads((_, response) => xml(response, 200, ends++ === 0 ? error("InternalError") : done))
    expect(await write(bucket, twelve)).toMatchObject({ _tag: "Right" })
    expect(asked.filter((own) => own === "POST id").length).toBe(2)
    const refused = uploads((_, response) => xml(response, 200, error("AccessDenied")))
    expect(await write(refused.bucket, twelve)).toMatchObject({ left: { kind: "denied" } })
    expect(refused.asked.at(-1)).toBe("DELETE id")
  })

  test("whose last answer was lost have gone well", async () => {
    let ends = 0
    const { bucket } = uploads((request, response) => {
      if (ends++ === 0) request.socket.destroy()
      else xml(response, 404, error("NoSuchUpload"))
    })
    expect(await write(bucket, twelve)).toMatchObject({ right: { version: '"all-3"', size: 12 * MIB } })
  })

  test("whose last answer was lost are told by their bytes where ETags do not number the parts", async () => {
    const md5 = (bytes: Uint8Array): string => `"${createHash("md5").update(bytes).digest("hex")}"`
    for (const isOwn of [true, false]) {
      const parts: Array<Buffer> = []
      const bucket = bucketOf((request, response, _, body) => {
        const query = new URL(request.url ?? "", "http://host").searchParams
        const part = Number(query.get("partNumber"))
        if (request.method === "PUT") {
          parts[part - 1] = body
          response.writeHead(200, { etag: md5(body) }).end()
        } else if (request.method === "DELETE") response.writeHead(204).end()
        else if (request.method !== "POST") {
          const whole = Buffer.concat(parts)
          // As long, and not the same.
          if (!isOwn) whole[11 * MIB] = 0
          ranged(request, response, whole, { etag: '"its own"' })
        } else if (query.has("uploads")) xml(response, 200, begun)
        else xml(response, 404, error("NoSuchUpload"))
      })
      expect(await write(bucket, twelve)).toMatchObject(
        isOwn ? { right: { version: '"its own"', size: 12 * MIB } } : { left: { kind: "failed" } }
      )
    }
  })
})
