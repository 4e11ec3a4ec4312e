/**
 * The order of all batches of a run, epoch after epoch, as numbers: a batch's sequence number.
 *
 * Where each epoch has the same number of batches, sequence numbers count the batches. Where an epoch's end is found on the
 * way, each epoch has room for 2^32 of them, and those behind its end belong to no batch.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import type { Cuts } from "./Cuts.ts"

/** How many sequence numbers an epoch has whose end is not known. */
const ROOM = 2 ** 32

/** @since 0.1.0 */
export class Sequence {
  /** How many sequence numbers each epoch has. */
  readonly room: number

  constructor({ batches }: Pick<Cuts, "batches">) {
    this.room = batches ?? ROOM
  }

  /** The sequence number of a batch. */
  of(epoch: number, batch: number): number {
    return epoch * this.room + batch
  }

  /** The first sequence number of an epoch. Throws `InvalidOption` if it is too large to be counted. */
  start(epoch: number): number {
    return whole("the batches of all epochs up to the run's last one", epoch * this.room, 0)
  }

  epochOf(sequence: number): number {
    return Math.floor(sequence / this.room)
  }

  batchOf(sequence: number): number {
    return sequence % this.room
  }
}
