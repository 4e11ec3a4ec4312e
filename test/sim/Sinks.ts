/**
 * Sinks in a simulated world: rows are written to a store that fails and whose writer is killed, at any of its steps, and
 * started again until all is there. Then there is what a plain loop writes, to the byte, and nothing else.
 */
import { isDeepStrictEqual } from "node:util"
import { Cause, Effect, Exit, Layer, Stream } from "effect"
import fc from "fast-check"
import { Dataset, Pipeline, SeedPolicy, Sink, Store, Workers } from "../../src/index.ts"
import { storeOf } from "../../src/sources/store/Routes.ts"
import { run } from "./World.ts"

/** From one start of the writer to its end. */
interface SinkLeg {
  /** The event at which it is killed; behind its last one it ends by itself. */
  readonly killed: number
  /** The call of the store that fails, if one does. */
  readonly fails: number | undefined
  readonly workers: number
  readonly turns: number
}

export interface SinkCase {
  readonly rows: number
  readonly epochs: number
  readonly source: "dataset" | "stream"
  /** 0 for a pipeline without batches. */
  readonly batch: number
  readonly format: "jsonl" | "csv" | "npy" | "tar"
  readonly cut: { readonly rows: number } | { readonly bytes: number } | { readonly shards: number }
  readonly legs: ReadonlyArray<SinkLeg>
}

export const sinkCases: fc.Arbitrary<SinkCase> = fc
  .record({
    rows: fc.integer({ min: 1, max: 30 }),
    epochs: fc.integer({ min: 1, max: 2 }),
    source: fc.constantFrom("dataset" as const, "stream" as const),
    batch: fc.constantFrom(0, 1, 4, 7),
    format: fc.constantFrom("jsonl" as const, "jsonl" as const, "csv" as const, "npy" as const, "tar" as const),
    cut: fc.oneof(
      fc.record({ rows: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ bytes: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ shards: fc.integer({ min: 1, max: 5 }) })
    ),
    legs: fc.array(
      fc.record({
        killed: fc.integer({ min: 1, max: 60 }),
        fails: fc.option(fc.nat({ max: 12 }), { nil: undefined, freq: 2 }),
        workers: fc.integer({ min: 1, max: 3 }),
        turns: fc.nat({ max: 2 ** 31 - 1 })
      }),
      { maxLength: 4 }
    )
  })
  // How many rows a stream has is not known.
  .map((own) => (own.source === "stream" && "shards" in own.cut ? { ...own, cut: { rows: own.cut.shards } } : own))

export class SinkViolation extends Error {
  override readonly name = "SinkViolation"
}

const must = (holds: boolean, say: () => string): void => {
  if (!holds) throw new SinkViolation(say())
}

type Objects = ReadonlyMap<string, Uint8Array>

const FOLDER = "memory://out"

/** A store of objects: each write, and each other call, is a step at which its process may be killed. */
const storeOver = (objects: Map<string, Uint8Array>, event: () => void, fails: (call: number) => boolean) => {
  let calls = 0
  const versions = new Map<string, number>()
  const infoOf = (location: string, bytes: Uint8Array): Store.ObjectInfo => ({
    location,
    size: bytes.length,
    version: `v${versions.get(location) ?? 0}`
  })
  const step = (location: string): Effect.Effect<void, Store.StoreError> =>
    Effect.suspend(() => {
      event()
      return fails(calls++)
        ? new Store.StoreError({ location, kind: "unavailable", reason: "no connection" })
        : Effect.yieldNow()
    })
  const found = (location: string): Effect.Effect<Uint8Array, Store.StoreError> =>
    Effect.suspend(() => {
      const own = objects.get(location)
      return own === undefined
        ? new Store.StoreError({ location, kind: "missing", reason: "there is no such object" })
        : Effect.succeed(own)
    })
  return storeOf({
    list: (folder) =>
      Stream.unwrap(
        Effect.map(step(folder), () =>
          Stream.fromIterable(
            Array.from(objects, ([location, bytes]) => infoOf(location, bytes)).filter(({ location }) =>
              location.startsWith(folder)
            )
          )
        )
      ),
    stat: ({ location }) =>
      Effect.zipRight(
        step(location),
        Effect.map(found(location), (bytes) => infoOf(location, bytes))
      ),
    read: ({ location }, offset, length) =>
      Effect.zipRight(
        step(location),
        Effect.map(found(location), (bytes) => bytes.slice(offset, offset + length))
      ),
    write: (location, bytes) =>
      Effect.gen(function* () {
        const parts = Array.from(yield* Stream.runCollect(bytes))
        yield* step(location)
        const all = new Uint8Array(Buffer.concat(parts))
        objects.set(location, all)
        versions.set(location, (versions.get(location) ?? 0) + 1)
        // All of it is there, and nobody was told.
        event()
        return infoOf(location, all)
      }),
    remove: ({ location }) => Effect.map(step(location), () => void objects.delete(location))
  })
}

interface Row {
  readonly n: number
  readonly square: number
}

const rowOf = (n: number): Row => ({ n, square: n * n })

const sinkOf = ({ cut, format }: SinkCase): Sink.Sink => {
  switch (format) {
    case "jsonl":
      return Sink.jsonl(FOLDER, { ...cut, blockBytes: 64 })
    case "csv":
      return Sink.csv(FOLDER, { ...cut, blockBytes: 64 })
    case "npy":
      return Sink.npy(FOLDER, cut)
    case "tar":
      return Sink.tar(FOLDER, cut)
  }
}

/** What a row is in each format. */
const shapeOf = ({ format }: SinkCase, row: Row): unknown => {
  if (format === "npy") return { square: row.square }
  return format === "tar" ? { __key__: `k${row.n}`, json: row } : row
}

const written = (own: SinkCase, workers: number) => {
  const { batch, epochs, rows, source } = own
  const numbers = Array.from({ length: rows }, (_, n) => n)
  const start =
    source === "dataset" ? Pipeline.from(Dataset.fromArray(numbers)) : Pipeline.from(Dataset.fromStream(() => numbers))
  const mapped = start.pipe(Pipeline.map("row", (n, { epoch }) => shapeOf(own, rowOf(n + epoch * rows))))
  const sink = sinkOf(own)
  const layers = Layer.merge(Layer.orDie(SeedPolicy.elastic({ seed: 1 })), Layer.orDie(Workers.fibers({ workers })))
  return (
    batch === 0
      ? Sink.run(mapped, sink, { epochs })
      : Sink.run(mapped.pipe(Pipeline.batchWith(batch, (all) => all)), sink, { epochs })
  ).pipe(Effect.provide(layers))
}

/** One start of the writer; what is in the store when it ends. */
const play = (own: SinkCase, before: Objects, { fails, killed, turns, workers }: SinkLeg) => {
  const objects = new Map(before)
  let failed = false
  let image: Objects | undefined
  const { exit } = run(
    turns,
    killed,
    ({ event }) => {
      const store = storeOver(objects, event, (call) => {
        failed ||= call === fails
        return call === fails
      })
      return written(own, workers).pipe(Effect.provideService(Store.Store, store))
    },
    () => {
      // What its finalizers do from here on nobody does where the process is gone.
      image = new Map(objects)
    }
  )
  return { exit, objects: image ?? objects, failed }
}

const UNHINDERED: SinkLeg = { killed: -1, fails: undefined, workers: 2, turns: 1 }

const shardsOf = (objects: Objects): ReadonlyArray<readonly [string, string]> =>
  Array.from(
    objects,
    ([location, bytes]) => [location.slice(FOLDER.length + 1), Buffer.from(bytes).toString("latin1")] as const
  )
    .filter(([name]) => name.startsWith("shard-"))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))

/** The rows of each shard, by a loop; of shards that end by bytes, those of lines. */
const loop = ({ cut, epochs, format, rows }: SinkCase): ReadonlyArray<ReadonlyArray<Row>> | undefined => {
  const all = Array.from({ length: rows * epochs }, (_, n) => rowOf(n))
  if ("bytes" in cut) {
    if (format !== "jsonl") return undefined
    const shards: Array<Array<Row>> = []
    let bytes = Number.POSITIVE_INFINITY
    for (const row of all) {
      if (bytes >= cut.bytes) {
        shards.push([])
        bytes = 0
      }
      shards.at(-1)?.push(row)
      bytes += JSON.stringify(row).length + 1
    }
    return shards
  }
  const share = (shard: number): number =>
    "rows" in cut ? cut.rows : Math.floor(all.length / cut.shards) + (shard < all.length % cut.shards ? 1 : 0)
  const shards: Array<ReadonlyArray<Row>> = []
  for (let from = 0, shard = 0; "shards" in cut ? shard < cut.shards : from < all.length; shard++) {
    shards.push(all.slice(from, from + share(shard)))
    from += share(shard)
  }
  return shards
}

/** What is written without a fault, by format; JSON Lines and CSV as the loop has them. */
const expectedOf = (own: SinkCase): ReadonlyArray<readonly [string, string]> => {
  const { exit, objects } = play(own, new Map(), UNHINDERED)
  if (Exit.isFailure(exit)) throw new SinkViolation(`nothing went wrong, and it failed: ${Cause.pretty(exit.cause)}`)
  const shards = shardsOf(objects)
  const rows = loop(own)
  if (rows === undefined) return shards
  must(
    isDeepStrictEqual(
      exit.value.shards.map((shard) => shard.rows),
      rows.map(({ length }) => length)
    ),
    () => `shards have ${exit.value.shards.map((shard) => shard.rows)} rows`
  )
  if (own.format !== "jsonl" && own.format !== "csv") return shards
  const texts = rows.map((shard) =>
    own.format === "jsonl"
      ? shard.map((row) => `${JSON.stringify(row)}\n`).join("")
      : `n,square\n${shard.map(({ n, square }) => `${n},${square}\n`).join("")}`
  )
  must(
    isDeepStrictEqual(
      shards.map(([, text]) => text),
      texts
    ),
    () => `shards hold ${JSON.stringify(shards)}, where the loop has ${JSON.stringify(texts)}`
  )
  return shards
}

/** Plays a case; throws a `SinkViolation`, or what the world throws, when a promise is broken. Returns how many starts it took. */
export const simulateSink = (own: SinkCase): number => {
  const expected = new Map(expectedOf(own))
  let objects: Objects = new Map()
  for (const leg of own.legs) {
    const ended = play(own, objects, leg)
    objects = ended.objects
    const { exit } = ended
    if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
      const error = Cause.squash(exit.cause)
      const isOwn = error instanceof Store.StoreError && ended.failed
      must(isOwn, () => `it failed with what nobody broke: ${Cause.pretty(exit.cause)}`)
    }
    // A shard is there as a whole, or not at all.
    for (const [name, text] of shardsOf(objects)) {
      must(expected.get(name) === text, () => `${name} is ${JSON.stringify(text)} once the writer is gone`)
    }
  }
  const { exit, objects: last } = play(own, objects, UNHINDERED)
  if (Exit.isFailure(exit)) throw new SinkViolation(`it does not go on: ${Cause.pretty(exit.cause)}`)
  must(
    isDeepStrictEqual(shardsOf(last), [...expected]),
    () => `there is ${JSON.stringify(shardsOf(last))}, and should be ${JSON.stringify([...expected])}`
  )
  const others = Array.from(last.keys(), (location) => location.slice(FOLDER.length + 1)).filter(
    (name) => !expected.has(name)
  )
  must(isDeepStrictEqual(others, ["manifest.json"]), () => `there is also ${others}`)
  must(
    exit.value.rows === own.rows * own.epochs,
    () => `the manifest counts ${exit.value.rows} rows of ${own.rows * own.epochs}`
  )
  return own.legs.length + 1
}

// Loads what writes each format: from then on nothing has to be waited for that is not simulated.
for (const format of ["jsonl", "csv", "npy", "tar"] as const) {
  const own: SinkCase = { rows: 1, epochs: 1, source: "stream", batch: 0, format, cut: { rows: 1 }, legs: [] }
  const store = storeOver(
    new Map(),
    () => undefined,
    () => false
  )
  await Effect.runPromise(written(own, 1).pipe(Effect.provideService(Store.Store, store)))
}
