/**
 * What a loader sends a runner and is damaged: the runner answers, refuses it with a reason, or ends the connection; whoever
 * comes next is served, and no socket is left.
 */
import { type AddressInfo, connect, createServer } from "node:net"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { FrameBytesReader, joined } from "../../src/service/FrameBytes.ts"
import { seal } from "../../src/service/FrameLead.ts"
import { pipeline } from "../cluster/numbers.ts"
import { framesIn } from "./Answers.ts"
import type { Kind, Result } from "./Case.ts"
import { type Draw, damage, drawOf } from "./Damage.ts"
import { lyingHead, sealed, sockets } from "./Wire.ts"

interface Listening {
  readonly port: number
  readonly scope: Scope.CloseableScope
  /** What a loader sends: its hello, the run, and some requests. */
  readonly frames: ReadonlyArray<Uint8Array<ArrayBuffer>>
}

const module = new URL("../cluster/numbers.ts", import.meta.url).href

/** What a loader sends to a runner for a run of three batches. */
const recorded = async (port: number): Promise<ReadonlyArray<Uint8Array<ArrayBuffer>>> => {
  const pieces: Array<Uint8Array> = []
  const server = createServer((socket) => {
    const behind = connect(port, "127.0.0.1")
    socket.on("data", (piece: Uint8Array) => {
      pieces.push(new Uint8Array(piece))
      behind.write(piece)
    })
    behind.on("data", (piece: Uint8Array) => socket.write(piece))
    for (const own of [socket, behind]) {
      own.on("error", () => undefined)
      own.on("close", () => {
        socket.destroy()
        behind.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address() as AddressInfo // it listens at a port
  const config = { size: 24 }
  const workers = Workers.cluster({ workers: 1, pipeline: module, config }).pipe(
    Layer.provide(Runners.list([`127.0.0.1:${address.port}`]))
  )
  await Effect.gen(function* () {
    const loader = yield* Scheduler.open(pipeline(config), { epochs: 1, replay: true })
    yield* loader.forEach(() => Effect.void)
  }).pipe(
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed: 1 })),
    Effect.provide(workers),
    Effect.runPromise
  )
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return framesIn(new Uint8Array(Buffer.concat(pieces)))
}

let listening: Promise<Listening> | undefined

const listen = async (): Promise<Listening> => {
  const scope = Effect.runSync(Scope.make())
  const { port } = await Effect.runPromise(Scope.extend(Runner.listen({ pipelines: [module], threads: 0 }), scope))
  const frames = await recorded(port)
  const own = { port, scope, frames }
  const wrong = await served(own)
  if (wrong !== undefined) throw new Error(wrong)
  return own
}

const LEAD = 24

/** What is sent at once, and what once the run is open: a runner takes no requests before. */
type Sent = readonly [opening: Uint8Array, requests: Uint8Array]

const OPENING = 2

const damagedOrders = (
  frames: ReadonlyArray<Uint8Array<ArrayBuffer>>,
  draw: Draw
): { readonly sent: Sent; readonly what: string } => {
  const place = draw(frames.length)
  const own = frames[place] as Uint8Array<ArrayBuffer> // below the length
  /** Frames are numbered, so that each is sealed again. */
  const among = (...changed: ReadonlyArray<Uint8Array>): Sent => {
    const all = frames.map((frame, at) => (at === place ? changed : [frame]).map((one) => one.slice()))
    for (const [number, frame] of all.flat().entries()) if (frame.length >= LEAD) seal(frame, number)
    return [joined(all.slice(0, OPENING).flat()), joined(all.slice(OPENING).flat())]
  }
  const head = new DataView(own.buffer).getUint32(4, true)
  switch (draw(8)) {
    case 0:
      return { sent: among(), what: `message ${place} left out` }
    case 1:
      return { sent: among(own, own), what: `message ${place} twice` }
    case 2: {
      const sound = among(own)
      const { bytes, what } = damage(joined(sound), draw)
      const end = sound[0].length
      return { sent: [bytes.subarray(0, end), bytes.subarray(end)], what }
    }
    case 3:
    case 4: {
      const { bytes, what } = damage(own, draw)
      return { sent: among(sealed(bytes, head)), what: `message ${place}: ${what}, checksum made to fit` }
    }
    default:
      return { sent: among(lyingHead(own, draw)), what: `message ${place}: a number of its head lies` }
  }
}

/** How long a runner that says nothing more is listened to. */
const QUIET = 12

/** What a runner answers, up to so many messages, or until it says nothing for so many milliseconds. */
const exchanged = (
  port: number,
  [opening, requests]: Sent,
  enough: number,
  patience = 5000
): Promise<{ readonly heads: ReadonlyArray<Readonly<Record<string, unknown>>>; readonly wrong: string | undefined }> =>
  new Promise((resolve) => {
    const heads: Array<Readonly<Record<string, unknown>>> = []
    const reader = new FrameBytesReader({}, true)
    const socket = connect(port, "127.0.0.1")
    let timer: ReturnType<typeof setTimeout> | undefined
    let isOpen = false
    const order = (): void => {
      if (!isOpen) socket.write(requests)
      isOpen = true
    }
    const leave = (wrong?: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ heads, wrong })
    }
    const wait = (): void => {
      clearTimeout(timer)
      timer = setTimeout(quiet, patience)
    }
    /** Its run may not open: it is sent the requests all the same. */
    const quiet = (): void => {
      if (isOpen) leave()
      else {
        order()
        wait()
      }
    }
    socket.setNoDelay(true)
    socket.on("connect", () => {
      socket.write(opening)
      wait()
    })
    socket.on("data", (piece: Uint8Array) => {
      try {
        for (const { head } of reader.take(piece)) {
          heads.push(head)
          if (head["kind"] === "ready") order()
        }
      } catch (thrown) {
        return leave(`what it answers cannot be read: ${String(thrown)}`)
      }
      if (heads.length >= enough) leave()
      else wait()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => leave())
  })

/** Whether a loader whose messages are sound is served; what is wrong if not. */
const served = async ({ frames, port }: Pick<Listening, "frames" | "port">): Promise<string | undefined> => {
  const orders = frames.slice(OPENING)
  const sent: Sent = [joined(frames.slice(0, OPENING)), joined(orders)]
  const { heads } = await exchanged(port, sent, OPENING + orders.length)
  const built = heads.filter(({ kind }) => kind === "built").length
  return built === orders.length ? undefined : `another loader is told ${JSON.stringify(heads).slice(0, 600)}`
}

const KINDS = ["welcome", "refused", "ready", "built", "failed", "lost", "alive"]

const ordersCase = async (seed: number, number: number): Promise<Result> => {
  listening ??= listen()
  const own = await listening
  const draw = drawOf(seed, 5, number)
  const { sent, what } = damagedOrders(own.frames, draw)
  const { heads, wrong } = await exchanged(own.port, sent, own.frames.length, QUIET)
  const odd = heads.find(({ kind }) => !KINDS.includes(String(kind)))
  const refused = heads.find(({ kind }) => kind === "refused")
  const isReasoned = refused === undefined || String(refused["reason"]).length > 10
  return {
    damage: { what },
    isRefused: refused !== undefined || heads.length === 0,
    wrong:
      wrong ??
      (odd === undefined ? undefined : `it is told ${JSON.stringify(odd)}`) ??
      (isReasoned ? undefined : `it is refused without a reason: ${JSON.stringify(refused)}`) ??
      (number % 16 === 0 ? ((await served(own)) ?? (await left(own))) : undefined)
  }
}

const left = async ({ port }: Listening): Promise<string | undefined> => {
  for (let turn = 0; sockets(port) > 0; turn++) {
    if (turn === 200) return `${sockets(port)} connections are left`
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return undefined
}

export const orders: Kind = {
  name: "orders",
  megabytes: 256,
  run: ordersCase,
  close: async () => {
    const own = await listening
    listening = undefined
    if (own === undefined) return undefined
    const wrong = await left(own)
    await Effect.runPromise(Scope.close(own.scope, Exit.void))
    return wrong
  }
}
