/** Ready-made batches of 401 KB through a whole service into a trainer's memory, against bare TCP on loopback. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { connect, type Socket } from "node:net"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { Service } from "../../../src/service.ts"
import { BYTES } from "../loads/ready.ts"
import { type Contestant, interleaved } from "../measure.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { programArgs } from "../runtimes.ts"

/** Batches a turn: 400 MB. */
const TURN = 1000
const OURS = "Furrow's service"
const BARE = "bare TCP"

type Child = ChildProcessByStdio<Writable, Readable, null>

/** Starts the program that serves, and gives what it says. */
const serving = async (kind: "service" | "tcp"): Promise<readonly [Child, Readonly<Record<string, unknown>>]> => {
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

const run = async ({ rounds }: Request): Promise<Outcome> => {
  const all = await interleaved([ours(), bare()], { rounds, warmup: 1 })
  return {
    charts: [
      {
        title: "Ready-made batches of 401 KB into a trainer's memory, over loopback",
        unit: "bytes",
        bars: [bar(found(all, OURS), true), bar(found(all, BARE), false)]
      }
    ],
    figures: [ratio("service/tcp", found(all, OURS), found(all, BARE), 0.5)]
  }
}

export const service: Row = { title: "A service", keys: ["service/tcp"], run }
