/**
 * Furrow: data pipelines that feed models, on Bun, Deno and Node.
 *
 * @since 0.1.0
 */

// A bundle that holds a pipeline alone has the program of a thread, too, which builds it by the same copy of this package.
import "./scheduler/backends/threads/ThreadEntry.ts"

/** Counts the generator states that a run starts from, and the repeats among them. */
export * as SeedAudit from "./audit/SeedAudit.ts"
/** Checkpoints: the cursor and the trainer's state, stored as one piece. */
export * as Checkpoint from "./checkpoint/Checkpoint.ts"
/** The error for an effect or a layer that another copy of `effect` made. */
export * as ForeignEffect from "./core/ForeignEffect.ts"
/** The error for an invalid option. */
export * as InvalidOption from "./core/InvalidOption.ts"
/** Runs pipelines without Effect. */
export {
  type Failures,
  type FurrowOptions,
  furrow,
  type PlainOptions,
  type PolicyLayer,
  type PolicyName,
  type Run,
  type RunEpoch
} from "./furrow.ts"
/** Decodes JPEG, PNG, WebP, GIF and AVIF, by sharp. */
export * as Decode from "./image/decode/Decode.ts"
/** Image stages: crop, flip, rotate, resize, jitter, normalize … */
export * as Image from "./image/Image.ts"
/** Python's own `random`, draw by draw. */
export * as CPython from "./parity/CPython.ts"
/** NumPy's generators, draw by draw. */
export * as NumPy from "./parity/NumPy.ts"
/** The seeding policies of PyTorch and of the projects around it, flaws included. */
export * as Parity from "./parity/Policies.ts"
/** PyTorch's CPU generator, draw by draw, and its loader's order. */
export * as PyTorch from "./parity/PyTorch.ts"
/** Batches: samples collated into columns. */
export * as Batch from "./pipeline/Batch.ts"
/** A dataset and its stages, as a value. */
export * as Pipeline from "./pipeline/Pipeline.ts"
/** Random permutations that can be evaluated at any index. */
export * as Permutation from "./random/Permutation.ts"
/** Random number generators. */
export * as Rng from "./random/Rng.ts"
/** Seeds as plain data. */
export * as Seed from "./random/Seed.ts"
/** Samplers: the order of an epoch. */
export * as Sampler from "./sampling/Sampler.ts"
/** The number of workers, and where batches are built: on fibers or on threads. */
export * as Workers from "./scheduler/backends/Workers.ts"
/** The position of a run, from which it can be resumed. */
export * as Cursor from "./scheduler/loader/Cursor.ts"
/** What happens when a sample cannot be built. */
export * as FailurePolicy from "./scheduler/loader/FailurePolicy.ts"
/** Runs pipelines, a fiber per worker. */
export * as Scheduler from "./scheduler/loader/Scheduler.ts"
/** A hash of everything that a run delivered. */
export * as Digest from "./scheduler/plan/Digest.ts"
/** The coordinates of a draw: epoch, worker, sample, stage. */
export * as Coordinates from "./seeding/Coordinates.ts"
/** The service that turns coordinates into seeds. */
export * as SeedPolicy from "./seeding/SeedPolicy.ts"
/** Samples written to shards, exactly once. */
export * as Sink from "./sinks/Sink.ts"
/** Random access to samples, and views of it. */
export * as Dataset from "./sources/Dataset.ts"
/** Formats of shards: what is a row, and where it lies. */
export * as Format from "./sources/formats/Formats.ts"
/** IDX files, the format of MNIST. */
export * as Idx from "./sources/Idx.ts"
/** Where samples came from, through all views and stages. */
export * as Lineage from "./sources/Lineage.ts"
/** Stores: bytes by location and range. */
export * as Store from "./sources/store/Store.ts"
/** A typed array with a shape. */
export * as Tensor from "./wasm/Tensor.ts"
