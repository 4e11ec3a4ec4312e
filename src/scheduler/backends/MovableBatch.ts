/**
 * Batches that were requested of one backend, and may still be requested of another one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { BatchCoordinates, BuiltBatch, OpenBackend, RequestedBatch } from "./Backend.ts"

/** How many batches of each worker stay where they were requested when a run moves: what it moves to builds slowly at first. */
const STAYING = 1

/** A batch whose building has not begun. */
interface Unbegun {
  readonly coordinates: BatchCoordinates
  readonly arrived: () => void
  readonly moveTo: (requested: RequestedBatch) => void
}

/** The requested batches of a run whose building has not begun. @since 0.1.0 */
export class MovableBatches {
  /** In the order in which they were requested. */
  readonly #unbegun = new Set<Unbegun>()

  /** A batch that can be moved until its building begins, if it is lazy. */
  of(coordinates: BatchCoordinates, arrived: () => void, requested: RequestedBatch): RequestedBatch {
    if (!requested.isLazy) return requested
    let current = requested
    const own: Unbegun = {
      coordinates,
      arrived,
      moveTo: (moved) => {
        current = moved
      }
    }
    this.#unbegun.add(own)
    const begin = (): RequestedBatch => {
      this.#unbegun.delete(own)
      return current
    }
    return {
      get isLazy() {
        return current.isLazy
      },
      isPending: () => current.isPending(),
      want: () => current.want(),
      take: () => current.take(),
      // If it was moved, `content` has it.
      build: (): BuiltBatch | undefined => begin().build?.(),
      content: Effect.suspend(() => begin().content)
    }
  }

  /** Requests them of `target`, but for the next {@link STAYING} of each worker. */
  moveTo(target: OpenBackend): void {
    const passed = new Map<number, number>()
    for (const own of this.#unbegun) {
      const { worker } = own.coordinates
      const before = passed.get(worker) ?? 0
      passed.set(worker, before + 1)
      if (before < STAYING) continue
      own.moveTo(target.request(own.coordinates, own.arrived))
    }
    this.#unbegun.clear()
  }
}
