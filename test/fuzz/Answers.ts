/**
 * What a service answers and is damaged on its way, at the clients in TypeScript and in Python: they deliver what was sent, as
 * far as that goes, and then end, or fail with an error of their own that can be shown in a terminal.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { type AddressInfo, connect, createServer, type Server } from "node:net"
import { dirname } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { isDeepStrictEqual } from "node:util"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Schedule from "effect/Schedule"
import { Dataset, Pipeline, Sampler } from "../../src/index.ts"
import { Service } from "../../src/service.ts"
import type { Kind, Result } from "./Case.ts"
import { type Draw, damage, drawOf } from "./Damage.ts"
import { lyingHead, sealed, sockets } from "./Wire.ts"

const pipeline = Pipeline.from(Dataset.range(40)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (id, rng) => ({ id, noise: rng.float(), name: `the name of ${id}` })),
  Pipeline.batch(8)
)

/** The options of a run that is tried once. */
const ONCE = { seed: 1, epochs: 1, digest: true, silence: "2 seconds", attempts: Schedule.recurs(0) } as const

/** What a service answers to {@link ONCE}: its frames, the head in front of them, and what a client makes of them. */
interface Sound {
  readonly whole: Uint8Array
  readonly frames: ReadonlyArray<Uint8Array<ArrayBuffer>>
  readonly batches: ReadonlyArray<unknown>
}

const HEAD = new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n\r\n")

/** The frames that are in bytes. */
export const framesIn = (bytes: Uint8Array): ReadonlyArray<Uint8Array<ArrayBuffer>> => {
  const all: Array<Uint8Array<ArrayBuffer>> = []
  for (let at = 0; at < bytes.length; ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at)
    const end = at + 24 + view.getUint32(4, true) + view.getUint32(8, true)
    all.push(new Uint8Array(bytes.slice(at, end)))
    at = end
  }
  return all
}

/** All that comes of a GET. */
const answerOf = (url: URL): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const pieces: Array<Uint8Array> = []
    const socket = connect(Number(url.port), url.hostname)
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n\r\n`)
    socket.on("data", (piece: Uint8Array) => pieces.push(piece))
    socket.on("error", reject)
    socket.on("close", () => resolve(new Uint8Array(Buffer.concat(pieces))))
  })

/** The body of an answer that came in chunks. */
const bodyOf = (answer: Uint8Array): Uint8Array => {
  const text = Buffer.from(answer)
  const pieces: Array<Uint8Array> = []
  for (let at = text.indexOf("\r\n\r\n") + 4; at < text.length; ) {
    const end = text.indexOf("\r\n", at)
    const length = Number.parseInt(text.toString("latin1", at, end), 16)
    if (length === 0) break
    pieces.push(text.subarray(end + 2, end + 2 + length))
    at = end + 4 + length
  }
  return new Uint8Array(Buffer.concat(pieces))
}

/** The batches that a run delivers, and its error. */
const taken = (url: string): Promise<{ readonly batches: ReadonlyArray<unknown>; readonly error: unknown }> => {
  const batches: Array<unknown> = []
  return Effect.gen(function* () {
    const loader = yield* Service.connect(url, ONCE)
    yield* loader.forEach(({ columns, epoch, index }) => Effect.sync(() => void batches.push([epoch, index, columns])))
  }).pipe(
    Effect.scoped,
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.match({ onFailure: (error) => ({ batches, error }), onSuccess: () => ({ batches, error: undefined }) }),
    Effect.runPromise
  )
}

interface Answering {
  readonly sound: Sound
  readonly server: Server
  readonly url: string
  /** What is answered next, in pieces of so many bytes. */
  reply: { readonly bytes: Uint8Array; readonly piece: number }
}

let answering: Promise<Answering> | undefined

const answer = async (): Promise<Answering> => {
  const sound = await Effect.gen(function* () {
    const { url } = yield* Service.serve({ pipelines: { pipeline } })
    const { batches } = yield* Effect.promise(() => taken(url))
    const whole = yield* Effect.promise(() => answerOf(new URL("/batches?seed=1&epochs=1&digest=true", url)))
    return { whole, frames: framesIn(bodyOf(whole)), batches }
  }).pipe(Effect.scoped, Effect.runPromise)
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => undefined)
    socket.once("data", () => {
      const { bytes, piece } = own.reply
      for (let at = 0; at < bytes.length; at += piece) socket.write(bytes.subarray(at, at + piece))
      socket.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo // it listens at a port
  const own: Answering = {
    sound,
    server,
    url: `http://127.0.0.1:${port}`,
    reply: { bytes: sound.whole, piece: 1000 }
  }
  const { batches, error } = await taken(own.url)
  if (error !== undefined || batches.length !== 5) throw new Error(`the answer itself is not read: ${String(error)}`)
  return own
}

/** Damage to an answer, and whether whatever is delivered of it has to be what was sent. */
const damagedAnswer = (
  { frames, whole }: Sound,
  draw: Draw
): { readonly bytes: Uint8Array; readonly what: string; readonly isChecked: boolean } => {
  const kind = draw(5)
  if (kind < 2) {
    const { bytes, what } = damage(whole, draw)
    return { bytes, what, isChecked: true }
  }
  const place = draw(frames.length)
  const own = frames[place] as Uint8Array<ArrayBuffer> // below the length
  const among = (...changed: ReadonlyArray<Uint8Array>) =>
    new Uint8Array(Buffer.concat([HEAD, ...frames.flatMap((frame, at) => (at === place ? changed : [frame]))]))
  if (kind === 2) {
    return draw(2) === 0
      ? { bytes: among(), what: `frame ${place} lost`, isChecked: true }
      : { bytes: among(own, own), what: `frame ${place} twice`, isChecked: true }
  }
  if (kind === 3) {
    return { bytes: among(lyingHead(own, draw)), what: `frame ${place}: a number of its head lies`, isChecked: false }
  }
  const { bytes, what } = damage(own, draw)
  const head = new DataView(own.buffer).getUint32(4, true)
  return { bytes: among(sealed(bytes, head)), what: `frame ${place}: ${what}, checksum made to fit`, isChecked: false }
}

const ERRORS = ["ServiceError", "DigestMismatch"]

/** What no message may hold: it is shown in a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/

const wrongError = (tag: string, message: string): string | undefined => {
  if (!ERRORS.includes(tag) || message.length < 10) return `it fails with ${tag}: ${message}`
  return CONTROL.test(message) ? `its error has control characters: ${JSON.stringify(message)}` : undefined
}

const answersCase = async (seed: number, number: number): Promise<Result> => {
  answering ??= answer()
  const own = await answering
  const draw = drawOf(seed, 3, number)
  const { bytes, isChecked, what } = damagedAnswer(own.sound, draw)
  own.reply = { bytes, piece: 1 + draw(draw(2) === 0 ? 100 : 20_000) }
  const { batches, error } = await taken(own.url)
  const isSound = !isChecked || isDeepStrictEqual(batches, own.sound.batches.slice(0, batches.length))
  const wrong =
    error === undefined
      ? undefined
      : error instanceof Error && "_tag" in error
        ? wrongError(String(error._tag), error.message)
        : `it fails with ${error instanceof Error ? error.stack : String(error)}`
  const missing = isChecked && error === undefined && batches.length !== own.sound.batches.length
  return {
    damage: { what },
    isRefused: error !== undefined,
    wrong:
      wrong ??
      (isSound ? undefined : "batches are others than those sent") ??
      (missing ? "batches are missing, and nothing says so" : await left(own, number))
  }
}

/** What of connections is left, looked at now and then. */
const left = async ({ url }: Answering, number: number): Promise<string | undefined> => {
  const port = Number(new URL(url).port)
  for (let turn = 0; number % 16 === 0 && sockets(port) > 0; turn++) {
    if (turn === 200) return `${sockets(port)} connections are left`
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return undefined
}

const close = async (): Promise<string | undefined> => {
  const own = await answering
  answering = undefined
  own?.server.close()
  return own === undefined ? undefined : left(own, 0)
}

export const answers: Kind = { name: "answers", megabytes: 256, run: answersCase, close }

/** Reads runs of the service at an address, one for each line that comes. */
const PYTHON = `
import json, logging, sys, traceback
sys.path.insert(0, sys.argv[1])
logging.disable()
from furrow_client import Run
for _ in sys.stdin:
    batches, error = 0, None
    try:
        for batch in Run(sys.argv[2], seed=1, epochs=1, digest=True, silence=2, patience=0):
            batches += 1
    except Exception as thrown:
        error = {"tag": type(thrown).__name__, "message": str(thrown), "trace": traceback.format_exc()}
    print(json.dumps({"batches": batches, "error": error}), flush=True)
`

interface Reader {
  readonly child: ChildProcessWithoutNullStreams
  readonly answering: Answering
  readonly read: () => Promise<string>
}

let reader: Promise<Reader> | undefined

const startPython = async (): Promise<Reader> => {
  const own = await answer()
  const folder = dirname(fileURLToPath(new URL("../../src/service/furrow_client.py", import.meta.url)))
  const child = spawn("python3", ["-c", PYTHON, folder, own.url])
  let told: ((line: string) => void) | undefined
  let said = ""
  child.stderr.on("data", (piece: Uint8Array) => {
    said += Buffer.from(piece).toString()
  })
  createInterface({ input: child.stdout }).on("line", (line) => told?.(line))
  child.on("close", () => told?.(JSON.stringify({ batches: 0, error: { tag: "its end", message: said, trace: said } })))
  const read = (): Promise<string> =>
    new Promise((resolve) => {
      told = resolve
      child.stdin.write("\n")
    })
  return { child, answering: own, read }
}

const pythonCase = async (seed: number, number: number): Promise<Result> => {
  reader ??= startPython()
  const { answering: own, read } = await reader
  const draw = drawOf(seed, 4, number)
  const { bytes, isChecked, what } = damagedAnswer(own.sound, draw)
  own.reply = { bytes, piece: 1 + draw(20_000) }
  const found: unknown = JSON.parse(await read())
  const { batches, error } = found as {
    readonly batches: number
    readonly error: { readonly tag: string; readonly message: string; readonly trace: string } | null
  } // as PYTHON writes it
  const missing = isChecked && error === null && batches !== own.sound.batches.length
  const wrong = error === null ? undefined : wrongError(error.tag, error.message)
  return {
    damage: { what },
    isRefused: error !== null,
    wrong:
      wrong === undefined
        ? missing
          ? "batches are missing, and nothing says so"
          : undefined
        : `${wrong}\n${error?.trace}`
  }
}

/** Needs python3 with NumPy. */
export const python: Kind = {
  name: "python",
  megabytes: 256,
  run: pythonCase,
  close: async () => {
    const own = await reader
    reader = undefined
    own?.child.stdin.end()
    own?.answering.server.close()
    return undefined
  }
}
