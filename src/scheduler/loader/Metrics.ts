/**
 * What runs count, as Effect metrics: whoever exports those (`@effect/opentelemetry`, `Metric.snapshot`) has these, too.
 * They carry the labels of the fiber that opens the run (`Effect.tagMetrics`).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"

/** Batches handed to consumers. @since 0.1.0 */
export const batches = Metric.counter("furrow_batches_total", {
  description: "Batches handed to the consumer",
  incremental: true
})

/** Samples in them. @since 0.1.0 */
export const samples = Metric.counter("furrow_samples_total", {
  description: "Samples handed to the consumer",
  incremental: true
})

/** Milliseconds that consumers waited for a batch. @since 0.1.0 */
export const waited = Metric.histogram(
  "furrow_wait_milliseconds",
  MetricBoundaries.exponential({ start: 0.0625, factor: 2, count: 18 }),
  "Time that the consumer waited for a batch"
)

/** Batches that are made and not yet taken. @since 0.1.0 */
export const ready = Metric.gauge("furrow_batches_ready", {
  description: "Batches that are made and wait for the consumer, where it looks next"
})

/** Threads that died, or took too long, and were replaced. @since 0.1.0 */
export const replaced = Metric.counter("furrow_threads_replaced_total", {
  description: "Threads that died or took too long, and were replaced",
  incremental: true
})

/** Batches that were attempted again, some of their samples or all; `Stats.retried` counts samples. @since 0.1.0 */
export const retried = Metric.counter("furrow_batches_retried_total", {
  description: "Batches that were attempted again after a failure",
  incremental: true
})

/** Samples that were left out. @since 0.1.0 */
export const skipped = Metric.counter("furrow_samples_skipped_total", {
  description: "Samples that were left out, as they could not be made",
  incremental: true
})

/** No labels beside those that the metrics have. */
const none: ReadonlyArray<never> = []

/** Counts what is handed out. @since 0.1.0 */
export interface Counting {
  readonly taken: (samples: number, waited: number, ready: number) => void
  /** Compute that died, or took too long, is replaced. */
  readonly replaced: () => void
  /** A batch, or some of its samples, are attempted again. */
  readonly retried: () => void
  readonly skipped: (samples: number) => void
  /** The run is closed. */
  readonly ended: () => void
}

/** The counting of a run, under the labels of the fiber that opens it. @since 0.1.0 */
export const counting: Effect.Effect<Counting> = Effect.map(FiberRef.get(FiberRef.currentMetricLabels), (labels) => {
  const tagged = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>) =>
    labels.length === 0 ? metric : Metric.taggedWithLabels(metric, labels)
  const [ownBatches, ownSamples, ownWaited, ownReady, ownReplaced, ownRetried, ownSkipped] = [
    tagged(batches),
    tagged(samples),
    tagged(waited),
    tagged(ready),
    tagged(replaced),
    tagged(retried),
    tagged(skipped)
  ]
  // Not an effect each: these are counted for every batch.
  return {
    taken: (size, milliseconds, held) => {
      ownBatches.unsafeUpdate(1, none)
      ownSamples.unsafeUpdate(size, none)
      ownWaited.unsafeUpdate(milliseconds, none)
      ownReady.unsafeUpdate(held, none)
    },
    replaced: () => ownReplaced.unsafeUpdate(1, none),
    retried: () => ownRetried.unsafeUpdate(1, none),
    skipped: (count) => ownSkipped.unsafeUpdate(count, none),
    ended: () => ownReady.unsafeUpdate(0, none)
  }
})
