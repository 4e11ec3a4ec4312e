/**
 * What the main side and a worker's thread say to each other. All of it is plain data.
 *
 * @since 0.1.0
 */

import type { DType, TypedArray } from "../../../core/Tensor.ts"
import type { Draw, Seeds, Service } from "../../../seeding/SeedPolicy.ts"
import type { Limits } from "../../build/FailureRules.ts"
import type { Measured } from "../../build/StageTimes.ts"
import type { Uneven } from "../../plan/Plan.ts"
import type { Extent } from "./Mailbox.ts"

/** What a thread is started with. @since 0.1.0 */
export interface Start {
  /** The module that exports the pipeline, by URL, and the export's name. */
  readonly module: string
  readonly name: string
  /** What an export that is a function is called with. */
  readonly config: unknown
  readonly fingerprint: string
  readonly worker: number
  readonly workers: number
  readonly rank: number
  readonly world: number
  readonly uneven: Uneven
  readonly digest: boolean
  /** What the failure policy has its worker do. */
  readonly limits: Limits
  /** The policy, but for its seeds; those come with each batch. */
  readonly policy: (Pick<Service, "name" | "seed" | "elastic"> & Pick<Partial<Service>, "carries">) | undefined
  /** Whether draws are to be reported back. */
  readonly records: boolean
  /** Whether what stages take is to be reported back. */
  readonly times: boolean
  /** Whether it may be terminated, and what it says last; none where no memory can be shared. */
  readonly control: SharedArrayBuffer | undefined
  /** Where questions and answers are written; without it all go as messages. */
  readonly mailbox: { readonly extent: Extent; readonly buffer: SharedArrayBuffer } | undefined
}

/** One batch to make. @since 0.1.0 */
export interface Make {
  readonly _tag: "Make"
  readonly epoch: number
  readonly batch: number
  /** The position and the ordinal of its first row. */
  readonly position: number
  readonly ordinal: number
  /** The dataset index of each of its rows. */
  readonly indices: Float64Array
  /** The seeds of its stages, by scope and stage. */
  readonly seeds: ReadonlyArray<readonly [key: string, seeds: Seeds]>
  /** Places whose batches nobody reads any more. */
  readonly free: ReadonlyArray<Slot>
  /** In a try after the first: the rows that are to be left out. */
  readonly left?: ReadonlyArray<number>
  /** Batches of which an attempt has failed and no other one follows, by {@link batchKey}. */
  readonly dropped?: ReadonlyArray<string>
}

/** A batch of a run, as a key. @since 0.1.0 */
export const batchKey = (epoch: number, batch: number): string => `${epoch}:${batch}`

/** A place in the thread's memory that is a batch's until it is given back. @since 0.1.0 */
export interface Slot {
  readonly address: number
  readonly length: number
}

/** A tensor in the thread's memory, in the place of a tensor; or one that is sent, where there is no such memory. @since 0.1.0 */
export type Laid =
  | {
      readonly _tag: "Laid"
      readonly address: number
      readonly length: number
      readonly dtype: DType
      readonly clamped: boolean
      readonly shape: ReadonlyArray<number>
    }
  | { readonly _tag: "Sent"; readonly data: TypedArray; readonly shape: ReadonlyArray<number> }

/** What a thread says. @since 0.1.0 */
export type Said =
  | { readonly _tag: "Ready" }
  /** The thread's memory, anew when it has grown. */
  | { readonly _tag: "Memory"; readonly memory: ArrayBufferLike }
  | {
      readonly _tag: "Made"
      readonly slots: ReadonlyArray<Slot>
      /** The batch, with {@link Laid} in the place of tensors; `undefined` when nothing was left of it. */
      readonly batch: unknown
      readonly laid: ReadonlyArray<Laid>
      readonly hash: Uint8Array | undefined
      readonly draws: ReadonlyArray<Draw>
      /** What its stages took, where that is reported. */
      readonly times?: ReadonlyArray<Measured>
      /** How many samples were attempted again for this answer. Default 0. */
      readonly retried?: number
      /** The number of its form, of which later ones will speak. */
      readonly form?: number
    }
  | {
      readonly _tag: "Failed"
      readonly errors: ReadonlyArray<Thrown>
      /** How many samples were attempted again for this answer. */
      readonly retried: number
    }
  /** It cannot make this pipeline's batches, now or any more. */
  | { readonly _tag: "Refused"; readonly reason: string }

/** An error, or whatever else was thrown, as plain data. @since 0.1.0 */
export type Thrown =
  | { readonly _tag: "Value"; readonly value: unknown }
  /** An error that stands elsewhere in the same one already: the how-manieth, from 0. */
  | { readonly _tag: "Same"; readonly error: number }
  | {
      readonly _tag: "Error"
      /** Whether it is one of Furrow's own, by its class and not by what it says it is. */
      readonly ours: boolean
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      readonly fields: ReadonlyArray<readonly [key: string, value: Thrown]>
      readonly cause: Thrown | undefined
      /** Those of an `AggregateError`. */
      readonly errors: ReadonlyArray<Thrown> | undefined
    }
