/**
 * A part of the arena, given back when its holder says so or is no more.
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
 * Memory of the arena that goes with an object. Only kernels and the holder itself may use its address: an array over it
 * does not keep it.
 *
 * @since 0.1.0
 */
export class Place {
  readonly address: number
  readonly length: number
  readonly #arena: Arena
  #given = false

  private constructor(taken: Taken) {
    this.address = taken.address
    this.length = taken.length
    this.#arena = taken.arena
    registry.register(this, taken, this)
  }

  /** `length` bytes, if there are so many left. */
  static take(arena: Arena, length: number): Place | undefined {
    const address = arena.take(length)
    return address === undefined ? undefined : new Place({ arena, address, length })
  }

  /** The bytes, as they are now. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#arena.bytes.buffer, this.address, this.length)
  }

  /** Gives the memory back; from then on it is somebody else's. */
  give(): void {
    if (this.#given) return
    this.#given = true
    registry.unregister(this)
    this.#arena.give(this.address, this.length)
  }
}
