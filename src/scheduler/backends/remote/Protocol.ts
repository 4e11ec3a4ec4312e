/**
 * What a pool and its members (threads, processes) tell each other. All of it is plain data that structured cloning, or
 * an encoding of it as bytes, carries.
 *
 * @since 0.1.0
 */
import type { DType, TypedArray } from "../../../core/Tensor.ts"
import type { RowCoordinates, Seeds } from "../../../seeding/Request.ts"
import type { Derivation, Draw, Service } from "../../../seeding/Service.ts"
import type { Limits } from "../../build/FailureRules.ts"
import type { Measured } from "../../build/StageTimes.ts"
import type { Resized, Uneven } from "../../plan/Plan.ts"
import type { EncodedConfig } from "./ConfigCodec.ts"

/** What a member is started with: enough to build the pipeline, and the batches of any worker. @since 0.1.0 */
export interface MemberStart {
  /** The module that exports the pipeline, by URL, and the export's name. */
  readonly module: string
  readonly name: string
  /** What an export that is a function is called with. */
  readonly config: EncodedConfig
  /** The fingerprint of the run's pipeline: a member that builds another one is refused. */
  readonly fingerprint: string
  /** The hash of the module's code in the process that opened the run; a member with other code is refused. */
  readonly code?: string
  readonly workers: number
  readonly rank: number
  readonly world: number
  readonly uneven: Uneven
  /** The epoch that continues with another batch size, or among other workers or ranks. */
  readonly resized: Resized | undefined
  readonly digest: boolean
  /** What an attempt needs to know of the failure policy. */
  readonly limits: Limits
  /** The policy, but for its seeds: they come with each batch, unless the member can derive them. */
  readonly policy:
    | (Pick<Service, "name" | "seed" | "elastic"> &
        Pick<Partial<Service>, "carries"> & { readonly derivation?: Derivation })
    | undefined
  /** Whether draws are reported back. */
  readonly records: boolean
  /** Whether the seeds that a member derives are reported back. */
  readonly observes: boolean
  /** Whether the times of stages are reported back. */
  readonly times: boolean
  /** The span of the run, if it is traced. */
  readonly traceparent?: string
}

/** Samples of a batch that were read before it is built. @since 0.1.0 */
export interface EncodedSamples {
  /** The samples, with the numbers of tensors in their places; `undefined` for one that could not be read. */
  readonly values: ReadonlyArray<unknown>
  readonly tensors: ReadonlyArray<{ readonly data: TypedArray; readonly shape: ReadonlyArray<number> }>
  /** The rows that could not be read, and why. */
  readonly failed: ReadonlyArray<readonly [row: number, error: EncodedError]>
}

/** A batch that is to be built. @since 0.1.0 */
export interface BatchRequest {
  readonly epoch: number
  readonly batch: number
  readonly worker: number
  /** The position and the ordinal of its first row. */
  readonly position: number
  readonly ordinal: number
  /** The dataset index of each of its rows. */
  readonly indices: Float64Array
  /** Where each row comes from, if the epoch's order says so. */
  readonly rows?: RowCoordinates
  /** Its samples, if they were read from a stream. */
  readonly samples?: EncodedSamples
  /** The seeds of its stages; none where members derive them. */
  readonly seeds: StageSeeds
  /** In an attempt after the first: the rows that are left out. */
  readonly left?: ReadonlyArray<number>
}

/** What a pool tells a member. @since 0.1.0 */
export type ToMember =
  | { readonly _tag: "Build"; readonly id: number; readonly request: BatchRequest }
  /** No further attempt at a batch follows; what is kept of it, by {@link batchKey}, can be dropped. */
  | { readonly _tag: "Drop"; readonly key: string }

/** A batch of a run, as a key. @since 0.1.0 */
export const batchKey = ({ batch, epoch }: { readonly epoch: number; readonly batch: number }): string =>
  `${epoch}:${batch}`

/** A place in a thread's memory that belongs to a batch until it is given back. @since 0.1.0 */
export interface MemorySlot {
  readonly address: number
  readonly length: number
}

/** A tensor on its way: where it lies in a thread's memory, or its data. @since 0.1.0 */
export type EncodedTensor =
  | {
      readonly _tag: "InMemory"
      readonly address: number
      readonly length: number
      readonly dtype: DType
      readonly clamped: boolean
      readonly shape: ReadonlyArray<number>
    }
  | { readonly _tag: "Sent"; readonly data: TypedArray; readonly shape: ReadonlyArray<number> }

/** A batch on its way. @since 0.1.0 */
export interface EncodedBatch {
  /** The batch, with the numbers of tensors in their places; `undefined` if nothing is left of it. */
  readonly batch: unknown
  readonly tensors: ReadonlyArray<EncodedTensor>
  /** The places in the member's memory that it lies in. */
  readonly slots: ReadonlyArray<MemorySlot>
}

/** The seeds of stages, by their names. @since 0.1.0 */
export type StageSeeds = ReadonlyArray<readonly [stage: string, seeds: Seeds]>

/** A batch that was built. @since 0.1.0 */
export interface BuiltReply extends EncodedBatch {
  readonly _tag: "Built"
  /** The seeds that it was built with, where they are reported. */
  readonly observed?: StageSeeds
  readonly hash: Uint8Array | undefined
  readonly draws: ReadonlyArray<Draw>
  /** What its stages took, where that is reported. */
  readonly times?: ReadonlyArray<Measured>
  /** How many samples were attempted again. Default 0. */
  readonly retried?: number
  /** The number of its layout, by which later batches refer to it. */
  readonly layout?: number
}

/** An attempt that failed: with one error, or one for each sample that failed. @since 0.1.0 */
export interface AttemptFailed {
  readonly _tag: "Failed"
  /** As in a {@link BuiltReply}. */
  readonly observed?: StageSeeds
  readonly errors: ReadonlyArray<EncodedError>
  /** How many samples were attempted again. */
  readonly retried: number
}

/** What a member answers to the request of an id. @since 0.1.0 */
export type Reply = BuiltReply | AttemptFailed

/** What a member tells its pool. @since 0.1.0 */
export type FromMember =
  /** It has built the pipeline. */
  | { readonly _tag: "Ready" }
  /** It cannot build the batches of this pipeline, now or any more. */
  | { readonly _tag: "Refused"; readonly reason: string }
  | { readonly _tag: "Reply"; readonly id: number; readonly reply: Reply }
  /** What the pool waits for is in the memory that they share, or this member has nothing to build. */
  | { readonly _tag: "Answered" }
  /** A thread's memory has grown: the whole of it, and how often it has. */
  | { readonly _tag: "Memory"; readonly memory: ArrayBufferLike; readonly generation: number }

/** An error, or whatever else was thrown, as plain data. @since 0.1.0 */
export type EncodedError =
  | { readonly _tag: "Value"; readonly value: unknown }
  /** An error that stands elsewhere in the same one: its number, from 0. */
  | { readonly _tag: "Same"; readonly error: number }
  | {
      readonly _tag: "Error"
      /** Whether it is one of Furrow's own, by its class and not by its tag. */
      readonly ours: boolean
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      readonly fields: ReadonlyArray<readonly [key: string, value: EncodedError]>
      readonly cause: EncodedError | undefined
      /** Those of an `AggregateError`. */
      readonly errors: ReadonlyArray<EncodedError> | undefined
    }
