/** Numbers in shards, float32 as npy: on disk, and on a server that is far away. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Effect, type Layer, Stream } from "effect"
import { Dataset, Format, Pipeline, Sampler, Store } from "../../../src/index.ts"
import { headerOf, npyOf } from "../../support/npy.ts"
import { programArgs } from "../runtimes.ts"

const WIDTH = 256
const ROWS = 16 * 1024
/** A block of 4 MiB is a batch. */
const BATCH = 4096

/** One shard, of 16 MiB, as a file. */
export interface Shard {
  readonly folder: string
  readonly path: string
  readonly bytes: number
  readonly remove: () => void
}

export const shard = (): Shard => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-bench-far-"))
  const path = join(folder, "numbers.npy")
  const numbers = Float32Array.from({ length: ROWS * WIDTH }, (_, place) => place % 1009)
  const bytes = npyOf(headerOf("<f4", [ROWS, WIDTH]), new Uint8Array(numbers.buffer))
  writeFileSync(path, bytes)
  return { folder, path, bytes: bytes.length, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A server of the shard, under any name. */
export interface FarServer {
  readonly urls: (count: number) => ReadonlyArray<string>
  readonly close: () => void
}

export const farServer = async (path: string, latencyMs: number, perSecond: number): Promise<FarServer> => {
  const program = programArgs(new URL("../probes/farServer.ts", import.meta.url))
  const args = [...program, path, String(latencyMs), String(perSecond)]
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve)
    child.once("exit", () => reject(new Error("the server ended before it was ready")))
  })
  return {
    urls: (count) => Array.from({ length: count }, (_, number) => `${url}/${number}.npy`),
    close: () => child.stdin.end()
  }
}

/** All rows of these shards, in order. */
export const pipelineOf = async (urls: ReadonlyArray<string>) => {
  const format = Format.npy({ blockBytes: BATCH * WIDTH * 4 })
  const dataset = await Effect.runPromise(Dataset.open(urls, { format, index: false }))
  return Pipeline.from(dataset).pipe(Pipeline.sample(Sampler.sequential), Pipeline.batch(BATCH))
}

/** How many bytes, and seconds by arithmetic: all connections busy from the first byte on. */
export const ideal = (
  shards: number,
  bytes: number,
  latencyMs: number,
  perSecond: number,
  connections: number
): number => latencyMs / 1000 + (shards * bytes) / (perSecond * connections)

export const rowsOf = (shards: number): number => shards * ROWS

/** Reads all bytes of objects, one after the other, from a store; returns how many. */
export const drained = (
  locations: ReadonlyArray<string>,
  layer: Layer.Layer<Store.Store, unknown>
): { readonly open: () => Promise<void>; readonly run: () => Promise<number>; readonly close: () => Promise<void> } => {
  let done: (() => void) | undefined
  let store: Store.StoreService | undefined
  let infos: ReadonlyArray<Store.ObjectInfo> = []
  const ended = new Promise<void>((resolve) => {
    done = resolve
  })
  return {
    // The store stays open between turns, as that of a run does.
    open: () =>
      new Promise((resolve, reject) => {
        const held = Effect.gen(function* () {
          const own = yield* Store.Store
          infos = yield* Effect.forEach(locations, (location) => own.stat({ location }))
          store = own
          resolve()
          yield* Effect.promise(() => ended)
        })
        Effect.runPromise(Effect.provide(held, layer)).catch(reject)
      }),
    run: () => {
      const own = store
      if (own === undefined) throw new Error("the store is not open")
      const sizes = Stream.map(
        Stream.flatMap(Stream.fromIterable(infos), (info) => own.stream(info)),
        ({ length }) => length
      )
      return Effect.runPromise(Stream.runSum(sizes))
    },
    close: async () => done?.()
  }
}
