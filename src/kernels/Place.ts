/**
 * Memory of the arena that goes with an object: given back when nobody holds the object any more.
 *
 * @since 0.1.0
 */
import type { Arena } from "./Arena.ts"

interface Taken {
  readonly arena: Arena
  readonly address: number
  readonly length: number
}

const registry = new FinalizationRegistry<Taken>(({ address, arena, length }) => arena.give(address, length))

/**
 * A part of the arena. Only kernels and the holder itself may use its address: an array over it does not keep it.
 *
 * @since 0.1.0
 */
export class Place {
  readonly address: number
  readonly length: number

  private constructor({ address, arena, length }: Taken) {
    this.address = address
    this.length = length
    registry.register(this, { address, arena, length })
  }

  /** `length` bytes, if there are so many left. */
  static take(arena: Arena, length: number): Place | undefined {
    const address = arena.take(length)
    return address === undefined ? undefined : new Place({ arena, address, length })
  }
}
