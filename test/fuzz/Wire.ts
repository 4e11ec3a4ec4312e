/**
 * What arrives over a network and is damaged: frames at a reader, and requests at a service that listens.
 *
 * A frame is read as it was written, or is a `FrameError`; one whose checksum was made to fit again may hold anything, and is
 * read or refused all the same. A request is answered, refused with a reason, or its connection is closed; behind it nobody
 * reads a run, and no socket is left.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { connect } from "node:net"
import { isDeepStrictEqual } from "node:util"
import { crc32, zstdCompressSync } from "node:zlib"
import { Effect, Exit, Scope } from "effect"
import { type Batch, type Cursor, Dataset, Pipeline, Sampler, Tensor } from "../../src/index.ts"
import { checksum } from "../../src/scheduler/loader/CursorFields.ts"
import { encode, type Frame, FrameError, FrameReader } from "../../src/service/Frame.ts"
import { halves, joined, withPacked } from "../../src/service/FrameBytes.ts"
import { seal } from "../../src/service/FrameLead.ts"
import { cursorText } from "../../src/service/RunSpec.ts"
import { Service } from "../../src/service.ts"
import type { Kind, Result } from "./Case.ts"
import { type Draw, damage, drawOf } from "./Damage.ts"

const of = <A>(values: ReadonlyArray<A>, draw: Draw): A => values[draw(values.length)] as A // below the length

const textOf = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown)

const cursor = { version: 2, epoch: 0, batch: 1, digest: null } as unknown as Cursor.Cursor // no reader looks into it

const batchOf = (columns: unknown): Batch.Batch<unknown> => ({
  epoch: 1,
  index: 2,
  rank: 0,
  worker: 3,
  size: 3,
  indices: Float64Array.of(3, 2, 1),
  columns
})

const sent: ReadonlyArray<Frame> = [
  { kind: "begin", cursor, batches: 12 },
  { kind: "batch", batch: batchOf({ image: new Tensor.Tensor(new Float32Array(60).fill(2), [3, 4, 5]) }), cursor },
  { kind: "alive" },
  { kind: "batch", batch: batchOf({ text: Array.from({ length: 200 }, (_, at) => `the text of row ${at}`) }), cursor },
  {
    kind: "batch",
    batch: batchOf({
      name: ["one", "№2", '"3'],
      big: [1n, -2n],
      odd: [Number.NaN, -0, undefined, new Date(5), { $tensor: 0, own: new Int16Array(5) }]
    }),
    cursor
  },
  { kind: "error", tag: "StageError", message: "no three" },
  { kind: "end", cursor }
]

/** The place of the frame whose body is compressed: of the image. */
const COMPRESSED = 1

/** With its body as zstd, as a reader gets it that asks for that. */
const compressed = (frame: Frame): Uint8Array<ArrayBuffer> => {
  const [first, body] = halves(encode(frame))
  return joined(withPacked(first, zstdCompressSync(body)))
}

const encoded: ReadonlyArray<Uint8Array<ArrayBuffer>> = sent.map((frame, at) =>
  at === COMPRESSED ? compressed(frame) : encode(frame)
)

/** How long the part in front of a head is, and where its lengths and its checksum stand. */
const LEAD = 24
const BODY_AT = 8
const CRC_AT = 16

/** Makes lengths and checksum fit what a frame has become; of its head so many bytes are left. */
export const sealed = (bytes: Uint8Array, head: number): Uint8Array => {
  if (bytes.length < LEAD + head) return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint32(4, head, true)
  view.setUint32(BODY_AT, bytes.length - LEAD - head, true)
  view.setUint32(CRC_AT, crc32(bytes.subarray(LEAD)), true)
  seal(bytes)
  return bytes
}

/** A head may hold numbers that lie: they are texts of JSON. The bytes are a frame's alone. */
export const lyingHead = (bytes: Uint8Array, draw: Draw): Uint8Array => {
  const head = new DataView(bytes.buffer).getUint32(4, true)
  const text = new TextDecoder().decode(bytes.subarray(LEAD, LEAD + head))
  const lie = of(
    [
      "-1",
      "1e309",
      "0.5",
      "4294967296",
      "null",
      '"x"',
      "[]",
      "{}",
      '{"$array":9}',
      '{"$tensor":0}',
      '{"$text":0}',
      '{"$list":[0,1]}'
    ],
    draw
  )
  // A head without numbers is changed at its start.
  const numbers = [...text.matchAll(/-?\d+/g), { index: 0, 0: "{" }]
  const own = of(numbers, draw)
  const changed = new TextEncoder().encode(text.slice(0, own.index) + lie + text.slice(own.index + own[0].length))
  const length = 8 * Math.ceil(changed.length / 8)
  const made = new Uint8Array(LEAD + length + bytes.length - LEAD - head).fill(32, LEAD, LEAD + length)
  made.set(bytes.subarray(0, LEAD))
  made.set(changed, LEAD)
  made.set(bytes.subarray(LEAD + head), LEAD + length)
  return sealed(made, length)
}

const damagedFrames = (
  draw: Draw
): { readonly bytes: Uint8Array; readonly what: string; readonly isFlips: boolean } => {
  const place = draw(encoded.length)
  const own = encoded[place] as Uint8Array<ArrayBuffer> // below the length
  const among = (changed: Uint8Array) =>
    new Uint8Array(Buffer.concat(encoded.map((bytes, at) => (at === place ? changed : bytes))))
  const head = new DataView(own.buffer).getUint32(4, true)
  switch (draw(4)) {
    case 0: {
      const { bytes, what } = damage(own, draw)
      return {
        bytes: among(sealed(bytes, head)),
        what: `frame ${place}: ${what}, checksum made to fit`,
        isFlips: false
      }
    }
    case 1:
      return { bytes: among(lyingHead(own, draw)), what: `frame ${place}: a number of its head lies`, isFlips: false }
    default: {
      const { bytes, isFlips, what } = damage(among(own), draw)
      return { bytes, what, isFlips }
    }
  }
}

const framesCase = async (seed: number, number: number): Promise<Result> => {
  const draw = drawOf(seed, 1, number)
  const { bytes, isFlips, what } = damagedFrames(draw)
  const found: Array<Frame> = []
  const reader = new FrameReader(2 ** 20, "zstd")
  try {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + 1 + draw(200))
      found.push(...reader.take(piece))
      at += piece.length
    }
  } catch (thrown) {
    const wrong = thrown instanceof FrameError && thrown.reason.length > 5 ? undefined : textOf(thrown)
    return { damage: { what }, isRefused: true, wrong }
  }
  // A length that was changed waits for what never comes.
  const isSound = !isFlips || found.every((frame, at) => isDeepStrictEqual(frame, sent[at]))
  return { damage: { what }, isRefused: false, wrong: isSound ? undefined : "frames were read otherwise than written" }
}

export const frames: Kind = { name: "frames", megabytes: 256, run: framesCase }

const numbers = Pipeline.from(Dataset.range(64)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (id, rng) => ({ id, noise: rng.float(), name: `${id}` })),
  Pipeline.batch(16)
)
const plain = Pipeline.from(Dataset.range(10)).pipe(Pipeline.batch(4))

interface Listening {
  readonly service: Service.Service
  readonly port: number
  readonly scope: Scope.CloseableScope
  readonly cursor: Readonly<Record<string, unknown>>
}

/** The state of a socket that only takes connections. */
const LISTENS = "0A"

/** How many connections this process has from or to a port; 0 where the system does not say. Deno has others of its own. */
export const sockets = (port: number): number => {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  try {
    const own = new Set<string>()
    for (const name of readdirSync("/proc/self/fd")) {
      try {
        own.add(readlinkSync(`/proc/self/fd/${name}`))
      } catch {
        // It has been closed meanwhile.
      }
    }
    const lines = readFileSync("/proc/self/net/tcp", "utf8").split("\n")
    return lines.filter((line) => {
      const [, from = "", to = "", state, , , , , , inode] = line.trim().split(/\s+/)
      return state !== LISTENS && (from.endsWith(end) || to.endsWith(end)) && own.has(`socket:[${inode}]`)
    }).length
  } catch {
    return 0
  }
}

let listening: Promise<Listening> | undefined

const listen = async (): Promise<Listening> => {
  const scope = Effect.runSync(Scope.make())
  const service = await Effect.runPromise(
    Scope.extend(Service.serve({ pipelines: { numbers, plain }, runs: 4, idle: 200 }), scope)
  )
  const run = Service.remote(service.url, { pipeline: "numbers", seed: 1, epochs: 2 })
  await run.take()
  const { cursor: own } = run
  await run.close()
  const port = Number(new URL(service.url).port)
  await settled({ service, port })
  return { service, port, scope, cursor: { ...own } }
}

/** Waits until nobody reads a run, and no connection is left; returns what is left, if anything is. */
const settled = async ({ port, service }: Pick<Listening, "port" | "service">): Promise<string | undefined> => {
  for (let turn = 0; ; turn++) {
    const readers = (await Effect.runPromise(service.runs)).reduce((sum, run) => sum + run.readers, 0)
    const left = sockets(port)
    if (readers === 0 && left === 0) return undefined
    if (turn === 200) return `${readers} readers and ${left} sockets are left`
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const LIES = ["", "-1", "1e9", "NaN", "9".repeat(400), "%00", "%ff", "null", "../..", "0x10", "1.5", "9007199254740993"]
const VALUES = [null, "", -1, 0.5, 2 ** 53, 1e308, true, [], {}, [[[]]], "x".repeat(300), { epoch: 1 }, 3]

/** A cursor of which a field lies, with a checksum that fits in half of the cases. */
const lyingCursor = (sound: Readonly<Record<string, unknown>>, draw: Draw): string => {
  const own: Record<string, unknown> = { ...sound }
  for (let turn = 1 + draw(2); turn > 0; turn--) {
    const name = of([...Object.keys(sound), "resized", "sources", "__proto__"], draw)
    if (draw(5) === 0) delete own[name]
    else
      Object.defineProperty(own, name, {
        value: of(VALUES, draw),
        enumerable: true,
        configurable: true,
        writable: true
      })
  }
  if (draw(2) === 0) own["checksum"] = checksum({ checksum: "", ...own })
  return cursorText(own)
}

const damagedRequest = (
  { cursor, port }: Listening,
  draw: Draw
): { readonly bytes: Uint8Array; readonly what: string } => {
  const from = () => (draw(3) === 0 ? lyingCursor(cursor, draw) : cursorText(cursor))
  const query = new Map([
    ["pipeline", of(["numbers", "plain"], draw)],
    ["seed", String(draw(3))],
    ["epochs", "2"],
    ["format", of(["frames", "ndjson", "arrow"], draw)]
  ])
  if (draw(4) === 0) query.set("compression", of(["zstd", "zstd", "none", "gzip"], draw))
  const kind = draw(6)
  if (draw(3) === 0) query.set("from", from())
  if (kind === 0)
    query.set(
      of(["pipeline", "seed", "policy", "epochs", "rank", "world", "workers", "from", "digest"], draw),
      of(LIES, draw)
    )
  if (kind === 1) query.set("from", lyingCursor(cursor, draw))
  const pairs = [...query].map(([name, value]) => `${name}=${value}`)
  if (kind === 2) pairs.push(`${of(["epochs", "x", "__proto__", "%2e", "format"], draw)}=${of(LIES, draw)}`)
  const path = of(
    ["/batches", "/batches", "/batches", "/runs", "/metrics", "/health", "//", "/..", "*", "http://x/"],
    draw
  )
  const more =
    kind === 3
      ? `${of(["cookie", "x-forwarded-for", "range", "accept-encoding"], draw)}: ${"y".repeat(10 ** draw(5))}\r\n`
      : ""
  const text = `GET ${path}?${pairs.join("&")} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n${more}connection: close\r\n\r\n`
  const sound = new TextEncoder().encode(text)
  if (kind < 4) return { bytes: sound, what: text.slice(0, 300) }
  const { bytes, what } = damage(sound, draw)
  return { bytes, what: `${what} of ${text.slice(0, 300)}` }
}

const MOST_READ = 2 ** 16

/** Sends bytes, and gives what is answered, as far as it is read; then leaves. */
const exchanged = (
  port: number,
  bytes: Uint8Array,
  mostRead: number
): Promise<{ readonly text: string; readonly isOpen: boolean }> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    let text = ""
    const leave = (isOpen: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, isOpen })
    }
    // A head that does not end waits for the rest, as it may.
    const isWhole = Buffer.from(bytes).includes("\r\n\r\n")
    let timer = setTimeout(() => leave(true), 5000)
    socket.on("data", (piece: Uint8Array) => {
      text += Buffer.from(piece).toString("latin1")
      if (text.length > mostRead || isComplete(text)) leave(false)
    })
    socket.on("error", () => leave(false))
    socket.on("close", () => leave(false))
    // Deno leaves a socket open that is destroyed before it is connected.
    socket.on("connect", () => {
      socket.write(bytes)
      if (isWhole) return
      clearTimeout(timer)
      timer = setTimeout(() => leave(true), 5)
    })
  })

/** Whether all of an answer is there; where the request's `connection` was damaged, none is closed behind it. */
const isComplete = (text: string): boolean => {
  if (text.endsWith("\r\n0\r\n\r\n")) return true
  const start = text.indexOf("\r\n\r\n") + 4
  const length = /\ncontent-length: (\d+)/i.exec(text.slice(0, start))?.[1]
  return start > 3 && length !== undefined && text.length - start >= Number(length)
}

const REFUSALS = new Set([400, 401, 403, 404, 405, 406, 408, 409, 411, 413, 414, 417, 431, 501, 503, 505])

/** What is wrong with an answer, if anything is. */
const wrongAnswer = (text: string): string | undefined => {
  if (text === "") return undefined
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(text)?.[1])
  if (status === 200 || status === 100) return undefined
  if (!REFUSALS.has(status)) return `it is answered by ${text.slice(0, 600)}`
  const body = text.slice(text.indexOf("\r\n\r\n") + 4)
  if (!text.includes("application/json")) return undefined
  return /"error":"\w+","message":".{5,}"/s.test(body)
    ? undefined
    : `it is refused without a reason: ${text.slice(0, 600)}`
}

const requestCase = async (seed: number, number: number): Promise<Result> => {
  listening ??= listen()
  const own = await listening
  const draw = drawOf(seed, 2, number)
  const { bytes, what } = damagedRequest(own, draw)
  // Some leave in the middle of an answer.
  const { isOpen, text } = await exchanged(own.port, bytes, draw(4) === 0 ? 300 : MOST_READ)
  const isRefused = text !== "" && !text.startsWith("HTTP/1.1 200")
  const waits = isOpen && Buffer.from(bytes).includes("\r\n\r\n") ? "it is not answered within 5 s" : undefined
  const left = number % 16 === 0 ? await settled(own) : undefined
  return { damage: { what }, isRefused, wrong: wrongAnswer(text) ?? waits ?? left }
}

export const requests: Kind = {
  name: "requests",
  megabytes: 256,
  run: requestCase,
  close: async () => {
    const own = await listening
    listening = undefined
    if (own === undefined) return undefined
    const left = await settled(own)
    await Effect.runPromise(Scope.close(own.scope, Exit.void))
    return left
  }
}
