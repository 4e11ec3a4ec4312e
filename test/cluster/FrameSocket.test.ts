/** What a connection of frames gives its socket, on a socket that takes pieces when it is told to. */
import { expect, test } from "bun:test"
import { FrameSocket } from "../../src/cluster/FrameSocket.ts"
import { send } from "../../src/cluster/RunnerMessages.ts"
import { BodyCompressor } from "../../src/service/Compression.ts"
import { FrameBytesReader, joined, pieces } from "../../src/service/FrameBytes.ts"
import { LEAD, seal } from "../../src/service/FrameLead.ts"
import { NotSendable } from "../../src/service/WireValue.ts"

const opened = (beat = 60_000, ended: (reason: string, broke: boolean) => void = () => undefined) => {
  const written: Array<Uint8Array> = []
  const waiting: Array<() => void> = []
  const listeners = new Map<string, (...args: ReadonlyArray<never>) => void>()
  let ends = 0
  const socket = new FrameSocket(
    {
      connecting: false,
      destroyed: false,
      on: (event: string, listener: (...args: ReadonlyArray<never>) => void) => listeners.set(event, listener),
      write: (bytes: Uint8Array, left?: () => void) => {
        written.push(bytes)
        waiting.push(left ?? (() => undefined))
      },
      end: () => ends++,
      pause: () => undefined,
      resume: () => undefined,
      ref: () => undefined,
      unref: () => undefined,
      destroy: () => listeners.get("close")?.(),
      setNoDelay: () => undefined
    },
    { silence: 60_000, beat, came: () => undefined, ended }
  )
  const come = (bytes: Uint8Array) => listeners.get("data")?.(bytes as never) // what a listener of it takes
  return { socket, written, waiting, come, ends: () => ends }
}

const part = (length: number, value: number) => ({ data: new Uint8Array(length).fill(value), shape: [length] })

test("a socket has one piece at a time: long parts as they are, all in their order, and then its end", async () => {
  const { ends, socket, waiting, written } = opened()
  const told: Array<number> = []
  const long = part(200_000, 7)
  socket.send({ kind: "long" }, [long, part(10, 1), part(20, 2)], () => told.push(0))
  for (let at = 1; at <= 3; at++) socket.send({ kind: "short", at }, [part(5, at)], () => told.push(at))
  socket.finish("done")
  await Promise.resolve()
  while (waiting.length > 0) {
    expect(waiting).toHaveLength(1)
    expect(ends()).toBe(0)
    waiting.shift()?.()
  }
  expect(ends()).toBe(1)
  expect(told).toEqual([0, 1, 2, 3])
  // Head, the long part, the short ones, and the short frames in one.
  expect(written).toHaveLength(4)
  expect(written[1]?.buffer).toBe(long.data.buffer)
  const frames = [...new FrameBytesReader({}, true).take(joined(written))]
  expect(frames.map(({ head }) => head["at"] ?? head["kind"])).toEqual(["long", 1, 2, 3])
  expect(socket.unsent).toBe(0)
  socket.end("over")
})

test("who sent what never leaves is told so when the connection ends, once", async () => {
  const { socket, waiting } = opened()
  const told: Array<number> = []
  socket.send({ kind: "long" }, [part(200_000, 7), part(100_000, 8)], () => told.push(0))
  socket.send({ kind: "short" }, [], () => told.push(1))
  await Promise.resolve()
  expect(told).toEqual([])
  socket.end("over")
  for (const left of waiting) left()
  expect(told.toSorted()).toEqual([0, 1])
  expect(socket.unsent).toBe(0)
})

test("bodies are compressed beside other work: the parts are held until they have left, and the end waits for them", async () => {
  const { ends, socket, waiting, written } = opened()
  const told: Array<number> = []
  socket.compress(new BodyCompressor())
  socket.send({ kind: "long" }, [part(200_000, 7)], () => told.push(0))
  socket.send({ kind: "short" }, [part(5, 1)], () => told.push(1))
  expect(socket.unsent).toBeGreaterThan(200_000)
  socket.finish("done")
  while (told.length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    expect(ends()).toBe(0)
    waiting.shift()?.()
  }
  expect(ends()).toBe(1)
  expect(told).toEqual([1, 0])
  const all = joined(written)
  expect(all.length).toBeLessThan(1000)
  const frames = [...new FrameBytesReader({ compression: "zstd" }, true).take(all)]
  expect(frames.map(({ body, head }) => [head["kind"], body.length])).toEqual([
    ["short", 8],
    ["long", 200_000]
  ])
  expect(socket.unsent).toBe(0)
  socket.end("over")
})

test("a connection that ends while a body is compressed tells who sent it, and sends nothing", async () => {
  const { socket, written } = opened()
  socket.compress(new BodyCompressor())
  const left = new Promise<void>((resolve) => socket.send({ kind: "long" }, [part(200_000, 7)], resolve))
  socket.end("over")
  await left
  expect(written).toEqual([])
  expect(socket.unsent).toBe(0)
})

/** The frame of a number, as a connection sends it. */
const numbered = (number: number, length = 0) => {
  const all = pieces({ kind: "alive" }, length === 0 ? [] : [part(length, 1)])
  seal(all[0], number)
  return joined(all)
}

test("a frame that does not go on while signs of life come is a connection that broke", async () => {
  const { reason, broke } = await new Promise<{ readonly reason: string; readonly broke: boolean }>((resolve) => {
    const { come } = opened(5, (reason, broke) => {
      clearInterval(beats)
      resolve({ reason, broke })
    })
    // A piece of it was lost: what comes behind is taken for it.
    come(numbered(0, 100_000).subarray(0, 60_000))
    let number = 1
    const beats = setInterval(() => come(numbered(number++)), 5)
  })
  expect([reason, broke]).toEqual([
    "it has made no progress within a frame for 40 ms: bytes were lost on the way",
    true
  ])
})

test("a frame that was lost, or comes twice, ends the connection at the next", () => {
  for (const numbers of [
    [0, 2],
    [0, 1, 1]
  ]) {
    const told: Array<string> = []
    const { come } = opened(60_000, (reason) => told.push(reason))
    for (const number of numbers) come(numbered(number))
    expect(told).toEqual([expect.stringContaining("one before it was lost or came twice on the way")])
  }
})

test("a frame that is too long is refused where it is sent, by its longest column, and where it comes, before its body", () => {
  let told: readonly [reason: string, broke: boolean] | undefined
  const { come, socket, written } = opened(60_000, (reason, broke) => {
    told = [reason, broke]
  })
  // One array several times: none of its bytes is ever touched.
  const long = new Uint8Array(2 ** 28)
  const columns = { image: Array.from({ length: 9 }, () => long), label: new Uint8Array(8) }
  expect(() => send(socket, "built", { id: 1, batch: { columns } })).toThrow(NotSendable)
  expect(() => send(socket, "built", { id: 1, batch: { columns } })).toThrow(
    "columns.image holds most of 2415919112 bytes, more than 2147483648"
  )
  expect([written.length, socket.unsent, told]).toEqual([0, 0, undefined])
  const [lead] = pieces({ kind: "built" }, [])
  const bytes = lead.slice(0, LEAD)
  new DataView(bytes.buffer).setUint32(8, 2 ** 32 - 1, true)
  seal(bytes, 0)
  come(bytes)
  expect(told).toEqual([
    "this is no frame of furrow's: its body is 4294967295 bytes long; at most 2147483648 are taken",
    false
  ])
})
