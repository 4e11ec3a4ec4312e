/**
 * The parts of all ranks, put together and held against one rank's run.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Batch, Digest, Scheduler, Tensor } from "../../src/index.ts"
import type { Split } from "../train/Digits.ts"
import { type Loading, training } from "../train/Loading.ts"

/** What ranks are to share. */
export interface Sharing extends Loading {
  readonly world: number
  readonly epochs: number
  /** What becomes of a short last batch. */
  readonly uneven: Scheduler.Options["uneven"]
}

/** What one rank, or all of them, delivered. */
interface Delivered {
  readonly samples: number
  readonly digest: string
}

/** How ranks and a single one compare. */
export interface Merged extends Delivered {
  readonly ranks: ReadonlyArray<Delivered & { readonly rank: number }>
  readonly single: Delivered
  /** How many batches a rank took. */
  readonly steps: number
  /** Whether all ranks took the same number of batches. */
  readonly inStep: boolean
  /** Whether each sample of an epoch came to exactly one rank, but for those that fill its last batch. */
  readonly once: boolean
  /** Whether the parts, one behind the other, are in the single rank's order. */
  readonly order: boolean
}

type Digits = Batch.Batch<{ readonly image: Tensor.Tensor<Float32Array>; readonly label: Tensor.Tensor<Uint8Array> }>

/** A rank's batches, of which the next one can be looked at. */
const reader = (loader: Scheduler.Loader<Digits["columns"], unknown>) => {
  let held: Option.Option<Digits> | undefined
  const peek = Effect.suspend(() =>
    held === undefined
      ? Effect.tap(loader.take, (next) => {
          held = next
          return Effect.void
        })
      : Effect.succeed(held)
  )
  /** Its part of a batch; none where it has none. */
  const part = (epoch: number, index: number): Effect.Effect<Digits | undefined, Scheduler.LoaderError<unknown>> =>
    Effect.flatMap(peek, (next) => {
      if (Option.isNone(next)) return Effect.succeed(undefined)
      const { value } = next
      if (value.epoch === epoch && value.index === index) {
        held = undefined
        return Effect.succeed(value)
      }
      // A single rank does not deliver a batch of which nothing is left; several do.
      const before = value.epoch < epoch || (value.epoch === epoch && value.index < index)
      if (value.size > 0 || !before) return Effect.succeed(undefined)
      held = undefined
      return part(epoch, index)
    })
  return {
    part,
    /** Takes what is left. */
    rest: Effect.zipRight(Stream.runDrain(loader.stream), Effect.void),
    digest: loader.digest,
    stats: loader.stats
  }
}

/** Makes all ranks' parts, each by itself, and one rank's batches, and compares. */
export const merged = (digits: Split["train"], { epochs, uneven, world, ...loading }: Sharing) =>
  Effect.gen(function* () {
    const open = (rank: number, of: number) =>
      Scheduler.open(training(digits, loading), { epochs, rank, world: of, uneven, digest: true })
    const single = yield* open(0, 1)
    const ranks = yield* Effect.forEach(Array.from({ length: world }), (_, rank) =>
      Effect.map(open(rank, world), reader)
    )
    let digest = "0".repeat(64)
    const seen = new Map<number, Set<number>>()
    const count = Math.min(loading.limit ?? digits.size, digits.size)
    let samples = 0
    let once = true
    let order = true
    for (;;) {
      const next = yield* single.take
      if (Option.isNone(next)) break
      const { epoch, index, indices } = next.value
      const parts = (yield* Effect.forEach(ranks, (rank) => rank.part(epoch, index))).filter((own) => own !== undefined)
      const all = parts.flatMap((own) => Array.from(own.indices))
      order &&= all.join() === indices.join()
      const known = seen.get(epoch) ?? new Set()
      seen.set(epoch, known)
      for (const sample of all) {
        // Behind the last sample of an epoch come those that fill its last batch.
        if (known.has(sample) && known.size < count) once = false
        known.add(sample)
      }
      samples += all.length
      digest = Digest.append(digest, together(parts))
    }
    const stats = yield* single.stats
    yield* Effect.forEach(ranks, ({ rest }) => rest, { discard: true })
    const steps = yield* Effect.forEach(ranks, (own) => Effect.map(own.stats, ({ batches }) => batches))
    return {
      ranks: yield* Effect.forEach(ranks, (own, rank) =>
        Effect.gen(function* () {
          return { rank, samples: (yield* own.stats).samples, digest: yield* own.digest }
        })
      ),
      samples,
      digest,
      steps: steps[0] ?? 0,
      inStep: new Set(steps).size === 1,
      single: { samples: stats.samples, digest: yield* single.digest },
      once: once && samples === stats.samples,
      order
    } satisfies Merged
  })

/** The rows of several parts, one behind the other. */
const together = (parts: ReadonlyArray<Digits>): Digits["columns"] => {
  const [first] = parts
  const shape = first?.columns.image.shape.slice(1) ?? []
  const width = shape.reduce((product, axis) => product * axis, 1)
  const rows = parts.reduce((sum, { size }) => sum + size, 0)
  const image = new Float32Array(rows * width)
  const label = new Uint8Array(rows)
  let row = 0
  for (const { columns, size } of parts) {
    image.set(columns.image.data, row * width)
    label.set(columns.label.data, row)
    row += size
  }
  return { image: Tensor.make(image, [rows, ...shape]), label: Tensor.make(label, [rows]) }
}
