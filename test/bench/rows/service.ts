/**
 * Batches through a whole service into a trainer's memory: against bare TCP on loopback, by the Python client against that of
 * TypeScript, and for four trainers against one.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { connect, type Socket } from "node:net"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import { Service } from "../../../src/service.ts"
import { BYTES } from "../loads/ready.ts"
import { type Absent, type Contestant, interleaved } from "../measure.ts"
import { bar, type Chart, type Figure, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { inProcess } from "../rivals/Process.ts"
import { pythonWith } from "../rivals/Python.ts"
import { programArgs } from "../runtimes.ts"

/** Batches a turn: 400 MB. */
const TURN = 1000
const OURS = "Furrow's service"
const BARE = "bare TCP"
const PYTHON = "the Python client"

type Child = ChildProcessByStdio<Writable, Readable, null>

/** Starts the program that serves, and gives what it says. */
const serving = async (
  kind: "service" | "tcp" | "jpeg"
): Promise<readonly [Child, Readonly<Record<string, unknown>>]> => {
  const args = [...programArgs(new URL("../rivals/serving.ts", import.meta.url)), kind]
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
  const { done, value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (done === true) throw new Error(`the program that serves ${kind} ended before it listened`)
  return [child, JSON.parse(value)] // a line of the program's, which prints objects alone
}

const ours = (): Contestant => {
  let child: Child | undefined
  let run: Service.Remote<unknown> | undefined
  return {
    name: OURS,
    open: async () => {
      const [own, said] = await serving("service")
      child = own
      run = Service.remote(String(said["url"]), { epochs: 1 })
    },
    run: async () => {
      for (let at = 0; at < TURN; at++) await run?.take()
      return TURN * BYTES
    },
    close: async () => {
      await run?.close()
      child?.stdin.end()
    }
  }
}

/** Reads into memory of a batch's size, once written, as a trainer would have it. */
const bare = (): Contestant => {
  let child: Child | undefined
  let socket: Socket | undefined
  return {
    name: BARE,
    open: async () => {
      const [own, said] = await serving("tcp")
      child = own
      socket = connect(Number(said["port"]), "127.0.0.1").pause()
    },
    run: () =>
      new Promise((resolve) => {
        let memory = new Uint8Array(BYTES)
        let filled = 0
        let left = TURN * BYTES
        const take = (piece: Uint8Array): void => {
          for (let at = 0; at < piece.length; ) {
            const own = piece.subarray(at, at + BYTES - filled)
            memory.set(own, filled)
            filled += own.length
            at += own.length
            if (filled < BYTES) continue
            memory = new Uint8Array(BYTES)
            filled = 0
          }
          left -= piece.length
          if (left > 0) return
          socket?.off("data", take).pause()
          resolve(TURN * BYTES - left)
        }
        socket?.on("data", take).resume()
      }),
    close: async () => {
      socket?.destroy()
      child?.stdin.end()
    }
  }
}

/** The Python client at the same batches, in a process of its own. */
const python = (): Contestant | Absent => {
  const own = pythonWith(["numpy"])
  if ("absent" in own) return { name: PYTHON, absent: own.absent }
  let child: Child | undefined
  let client: Contestant | undefined
  return {
    name: PYTHON,
    warmup: 1,
    open: async () => {
      const [service, said] = await serving("service")
      child = service
      const folder = fileURLToPath(new URL("../../../src/service/", import.meta.url))
      const script = fileURLToPath(new URL("../rivals/furrow_service.py", import.meta.url))
      client = inProcess(PYTHON, own.path, ["-uB", script, folder, String(said["url"]), String(TURN), String(BYTES)])
      await client.open?.()
    },
    run: async () => (await client?.run()) ?? Number.NaN,
    close: async () => {
      await client?.close?.()
      child?.stdin.end()
    }
  }
}

/** Batches a turn for each trainer: two epochs of 256 JPEGs. */
const DECODED = 16

/** So many trainers at once on one run; each turn is a run of its own. */
const trainers = (count: number, url: () => string, seed: () => number): Contestant => ({
  name: `${count} trainer${count === 1 ? "" : "s"}`,
  run: async () => {
    const spec = { seed: seed(), epochs: 2 }
    const counts = await Promise.all(
      Array.from({ length: count }, async () => {
        const run = Service.remote(url(), spec)
        let batches = 0
        while ((await run.take()) !== undefined) batches++
        return batches
      })
    )
    if (counts.some((batches) => batches !== DECODED)) throw new Error(`trainers had ${counts.join(", ")} batches`)
    return DECODED
  }
})

const SHARED = "shared 4/1"

/** Time of a run for four trainers over that for one; what is built are decoded JPEGs. */
const shared = async (rounds: number): Promise<Figure> => {
  const [child, said] = await serving("jpeg")
  const figure = { key: SHARED, unit: "ratio", goal: { most: 1.3 } } as const
  try {
    if (said["absent"] !== undefined) return { ...figure, value: null, note: String(said["absent"]) }
    let seed = 0
    const [one, four] = [1, 4].map((count) =>
      trainers(
        count,
        () => String(said["url"]),
        () => seed++
      )
    )
    if (one === undefined || four === undefined) throw new Error("there are two")
    const all = await interleaved([one, four], { rounds, warmup: 1 })
    return { ...figure, value: found(all, four.name).median / found(all, one.name).median }
  } finally {
    child.stdin.end()
  }
}

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const charts: Array<Chart> = []
  const figures: Array<Figure> = []
  const client = wants("python/typescript") ? python() : undefined
  if (wants("service/tcp") || client !== undefined) {
    const rivals = [
      ...(wants("service/tcp") ? [bare()] : []),
      ...(client === undefined || "absent" in client ? [] : [client])
    ]
    const all = await interleaved([ours(), ...rivals], { rounds, warmup: 1 })
    const own = found(all, OURS)
    if (wants("service/tcp")) figures.push(ratio("service/tcp", own, found(all, BARE), 0.5))
    if (client !== undefined) {
      const theirs = "absent" in client ? client : found(all, PYTHON)
      const goal = { least: 0.7 }
      const figure = { key: "python/typescript", unit: "ratio", goal } as const
      figures.push(
        "absent" in theirs
          ? { ...figure, value: null, note: theirs.absent }
          : { ...figure, value: own.median / theirs.median }
      )
    }
    charts.push({
      title: "Ready-made batches of 401 KB into a trainer's memory, over loopback",
      unit: "bytes",
      bars: [bar(own, true), ...rivals.map(({ name }) => bar(found(all, name), name === PYTHON))]
    })
  }
  if (wants(SHARED)) figures.push(await shared(rounds))
  return { charts, figures }
}

export const service: Row = { title: "A service", keys: ["service/tcp", "python/typescript", SHARED], run }
