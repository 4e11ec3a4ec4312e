/** A pipeline whose samples fail where, and as often as, it is told. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Image from "../../../src/image/Image.ts"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Tensor from "../../../src/wasm/Tensor.ts"

export class Flaky extends Data.TaggedError("Flaky")<{ readonly where: string; readonly index: number }> {
  override get message(): string {
    return `${this.where} fails at ${this.index}`
  }
}

/** Where something can fail. */
export const places = ["read", "read many", "effectful", "plain", "draw", "hang", "collated", "mixed"] as const
export type Where = (typeof places)[number]

export interface Trouble {
  readonly where: Where
  /** The dataset's index; of what happens to whole batches their number. */
  readonly index: number
  /** How often it fails before it goes well. */
  readonly times: number
}

export interface Config {
  readonly size: number
  readonly batch: number
  readonly troubles: ReadonlyArray<Trouble>
  /** Whether samples are read by effects. */
  readonly effects: boolean
}

interface Numbers {
  readonly index: number
  readonly words: ReadonlyArray<number>
}

/** The numbers; each place keeps count of what has failed there. */
export const flaky = ({ batch, effects, size, troubles }: Config) => {
  const left = new Map(troubles.map(({ index, times, where }) => [`${where} ${index}`, times]))
  const fails = (where: Where, index: number): boolean => {
    const times = left.get(`${where} ${index}`) ?? 0
    left.set(`${where} ${index}`, times - 1)
    return times > 0
  }
  const check = (where: Where, index: number): void => {
    if (fails(where, index)) throw new Flaky({ where, index })
  }
  const checked = (where: Where, index: number): Effect.Effect<void, Flaky> =>
    Effect.suspend(() => (fails(where, index) ? Effect.fail(new Flaky({ where, index })) : Effect.void))
  const read = (index: number): Numbers => ({ index, words: [index] })
  const dataset: Dataset.Dataset<Numbers, Flaky | Dataset.DatasetError> = effects
    ? Dataset.effect({
        size,
        get: (index) => Effect.as(checked("read", index), read(index)),
        ...(troubles.some(({ where }) => where === "read many")
          ? {
              getMany: (indices: ReadonlyArray<number>) =>
                Effect.as(
                  Effect.forEach(indices, (index) => checked("read many", index)),
                  indices.map(read)
                )
            }
          : {})
      })
    : Dataset.make({
        size,
        get: (index) => {
          check("read", index)
          return read(index)
        }
      })
  return Pipeline.from(dataset).pipe(
    Pipeline.augment("draw", ({ index, words }, rng): Numbers => {
      const drawn = [rng.word(), rng.word()]
      check("draw", index)
      return { index, words: [...words, ...drawn] }
    }),
    Pipeline.augmentEffect(
      "effectful",
      ({ index, words }, rng) =>
        Effect.gen(function* () {
          const word = rng.word()
          yield* Effect.yieldNow()
          yield* checked("effectful", index)
          if (fails("hang", index)) yield* Effect.never
          return { index, words: [...words, word] }
        }),
      { concurrency: 3 }
    ),
    Pipeline.filter("most", ({ index }) => index % 7 !== 3),
    Pipeline.map("plain", (sample) => {
      check("plain", sample.index)
      return sample
    }),
    Pipeline.batchWith(batch, (samples: ReadonlyArray<Numbers>) => ({
      index: samples.map(({ index }) => index),
      words: Tensor.make(Uint32Array.from(samples.flatMap(({ words }) => words)), [samples.length, 4])
    })),
    Pipeline.map("collated", (own) => {
      check("collated", own.index)
      return own
    }),
    Pipeline.augment("mixed", (own, rng) => {
      const word = rng.word()
      check("mixed", own.index)
      const { index, words } = own.columns
      return {
        ...own,
        columns: {
          index,
          words: Tensor.make(
            words.data.map((value) => value ^ word),
            words.shape
          )
        }
      }
    })
  )
}

/** Images in columns, which are made by kernels, with a step that is none behind them. */
export const images = ({ batch, size, troubles }: Config) => {
  const left = new Map(troubles.map(({ index, times }) => [index, times]))
  const pixels = Uint8Array.from({ length: size * 64 }, (_, at) => (at * 31 + (at >> 6)) & 255)
  return Pipeline.from(Dataset.fromColumns({ image: Tensor.make(pixels, [size, 8, 8, 1]) })).pipe(
    Pipeline.augment("crop", Image.randomCrop({ size: 8, padding: 2 })),
    Pipeline.map("check", (sample, { index }) => {
      const times = left.get(index) ?? 0
      left.set(index, times - 1)
      if (times > 0) throw new Flaky({ where: "plain", index })
      return sample
    }),
    Pipeline.batch(batch)
  )
}

/** Never ends at one sample, as often as it is told. */
export const endless = ({ batch, size, troubles }: Config) => {
  const marks = new Map(troubles.map(({ index, times }) => [index, times]))
  return Pipeline.from(Dataset.range(size)).pipe(
    Pipeline.augment("spin", (index, rng) => {
      while ((marks.get(index) ?? 0) > 0) {
        // Until somebody ends it; a thread that takes its place counts anew.
      }
      return [index, rng.word()]
    }),
    Pipeline.batch(batch)
  )
}
