/** Pipelines over streams, whose batches threads build; sources and stages count what they do in one place. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import * as Store from "../../../src/sources/store/Store.ts"
import * as Tensor from "../../../src/wasm/Tensor.ts"

export interface StreamsConfig {
  readonly kind: "records" | "arrays" | "lines"
  readonly rows: number
  /** 0 for the order of the source. */
  readonly window: number
  readonly batchSize: number
  readonly tail: "keep" | "drop" | "pad"
  /** The row at which the source throws. */
  readonly throwsAt?: number
  /** The row that is a function, which no thread can be sent. */
  readonly functionAt?: number
  /** The row that is a list with a function beside its elements. */
  readonly oddListAt?: number
  /** The row whose stage ends its process the first time. */
  readonly diesAt?: number
  /** How often the source was opened, closed, how many rows it gave, how many samples stages have had, how many died. */
  readonly counts: Tensor.Tensor<Int32Array>
}

interface Row {
  readonly n: number
  readonly body: unknown
}

const bodyOf = (kind: StreamsConfig["kind"], n: number): unknown => {
  if (kind === "records") return { text: `row ${n}`, list: [n, { deep: -0 }], nothing: undefined, big: BigInt(n) }
  // A part of larger memory, and a tensor.
  return { part: new Float32Array([1, n, 3]).subarray(1, 2), tensor: Tensor.make(Float64Array.of(n, n + 1), [2]) }
}

/** The numbers of a row, wherever they stand in it. */
const sumOf = ({ body, n }: Row): number => {
  const { part, tensor, text } = body as { part?: Float32Array; tensor?: Tensor.Tensor; text?: string }
  const second = tensor instanceof Tensor.Tensor ? Number(tensor.data[1]) : 0
  return n + (part?.[0] ?? 0) + second + (text?.length ?? 0)
}

const records = ({ counts: { data }, functionAt, kind, oddListAt, rows, throwsAt }: StreamsConfig) => {
  const own = (n: number): unknown => {
    if (n === oddListAt) return { list: Object.assign([n], { run: () => n }) }
    return n === functionAt ? { run: () => n } : bodyOf(kind, n)
  }
  return async function* (): AsyncGenerator<Row> {
    Atomics.add(data, 0, 1)
    try {
      for (let n = 0; n < rows; n++) {
        if (n % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
        if (n === throwsAt) throw new Error("the line is dead")
        Atomics.add(data, 2, 1)
        yield { n, body: own(n) }
      }
    } finally {
      Atomics.add(data, 1, 1)
    }
  }
}

/** Lines of two shards; that of row 7 of each is none of JSON. */
const lines = ({ counts: { data }, rows }: StreamsConfig) => {
  const textOf = (shard: number): string =>
    Array.from({ length: rows / 2 }, (_, row) =>
      row === 7 ? '{"n":\n' : `${JSON.stringify({ n: 1000 * shard + row, body: {} })}\n`
    ).join("")
  const objects = Object.fromEntries(
    [0, 1].map((shard) => [`memory://${shard}`, new TextEncoder().encode(textOf(shard))])
  )
  return Effect.gen(function* () {
    const store = yield* Store.Store
    const counting: Store.StoreService = {
      ...store,
      stream: (info, offset) => {
        Atomics.add(data, 0, 1)
        return Stream.ensuring(
          store.stream(info, offset),
          Effect.sync(() => void Atomics.add(data, 1, 1))
        )
      }
    }
    const format = Format.jsonl<Row>({ blockBytes: 256 })
    return yield* Dataset.openStream(["memory://0", "memory://1"], { format, atOnce: 2, name: "lines" }).pipe(
      Effect.provideService(Store.Store, counting)
    )
  }).pipe(Effect.provide(Store.memory(objects)), Effect.runSync)
}

export const pipeline = (config: StreamsConfig) => {
  const { batchSize, counts, diesAt, kind, tail, window } = config
  const { data } = counts
  const source: Dataset.StreamSource<Row, unknown> =
    kind === "lines" ? lines(config) : Dataset.fromStream(records(config), { name: "feed" })
  const start = Pipeline.from(source)
  const last = tail === "drop" ? { dropLast: true } : tail === "pad" ? { padLast: true } : {}
  return (window === 0 ? start : start.pipe(Pipeline.shuffleWindow(window))).pipe(
    Pipeline.augment("draw", (row, rng) => {
      Atomics.add(data, 3, 1)
      if (row.n === diesAt && Atomics.add(data, 4, 1) === 0) process.exit(3)
      return { n: row.n, sum: sumOf(row), word: rng.word() }
    }),
    Pipeline.batch(batchSize, last)
  )
}
