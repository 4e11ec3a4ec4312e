/** Stores: shards on a server that is far away, and the cache in front of one. */
import { copyFileSync } from "node:fs"
import { join } from "node:path"
import { Layer } from "effect"
import { Store, Workers } from "../../../src/index.ts"
import { drained, farServer, ideal, pipelineOf, rowsOf, shard } from "../loads/far.ts"
import { interleaved } from "../measure.ts"
import { epochs } from "../ours.ts"
import { bar, found, type Outcome, perSecond, type Request, type Row, ratio } from "../Row.ts"

const LATENCY_MS = 20
const PER_SECOND = 10e6
const CONNECTIONS = 16
const FAR_SHARDS = 24
/** More than connections: one is asked for more while the batch of another is built. */
const FIBERS = 32
const OURS = `Furrow, ${FIBERS} fibers`
const IDEAL = "ideal: all connections busy"

const FILES = 8
const CACHED = "Furrow, by the cache"
const FILE = "Furrow, plain files"

const http = async ({ rounds }: Request): Promise<Outcome> => {
  const own = shard()
  const server = await farServer(own.path, LATENCY_MS, PER_SECOND)
  try {
    const pipeline = await pipelineOf(server.urls(FAR_SHARDS))
    const all = await interleaved([epochs(OURS, pipeline, Workers.fibers({ workers: FIBERS }))], {
      rounds: Math.min(rounds, 5),
      warmup: 1
    })
    const ours = found(all, OURS)
    const best = rowsOf(FAR_SHARDS) / ideal(FAR_SHARDS, own.bytes, LATENCY_MS, PER_SECOND, CONNECTIONS)
    return {
      charts: [
        {
          title: `HTTP: ${FAR_SHARDS} shards of 16 MiB of float32, ${LATENCY_MS} ms, 10 MB/s a connection, ${CONNECTIONS} at once`,
          unit: "rows",
          bars: [bar(ours, true), { name: IDEAL, ours: false, perSecond: best }]
        }
      ],
      figures: [
        {
          key: "http/ideal",
          value: perSecond(ours) / best,
          unit: "ratio",
          goal: { least: 0.9 },
          note: `against all bytes over ${CONNECTIONS} connections of 10 MB/s, and ${LATENCY_MS} ms`
        }
      ]
    }
  } finally {
    server.close()
    own.remove()
  }
}

const cache = async ({ rounds }: Request): Promise<Outcome> => {
  const own = shard()
  const server = await farServer(own.path, 0, Number.POSITIVE_INFINITY)
  try {
    const paths = Array.from({ length: FILES }, (_, number) => {
      const path = join(own.folder, `${number}.npy`)
      copyFileSync(own.path, path)
      return path
    })
    const layer = Store.cached(own.folder, { bytes: 2 ** 30, onFailure: "error" }).pipe(Layer.provide(Store.http()))
    const all = await interleaved(
      [
        // The first turn fills the cache.
        { name: CACHED, ...drained(server.urls(FILES), layer) },
        { name: FILE, ...drained(paths, Store.file) }
      ],
      { rounds }
    )
    const ours = found(all, CACHED)
    return {
      charts: [
        {
          title: `Bytes of ${FILES} objects of 16 MiB, read in order`,
          unit: "bytes",
          bars: [bar(ours, true), bar(found(all, FILE), false)]
        }
      ],
      figures: [ratio("cached/file", ours, found(all, FILE), 0.9)]
    }
  } finally {
    server.close()
    own.remove()
  }
}

export const far: Row = { title: "Far away", keys: ["http/ideal"], run: http }
export const cached: Row = { title: "A cache", keys: ["cached/file"], run: cache }
