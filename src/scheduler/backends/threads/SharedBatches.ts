/**
 * Batches out of one thread's memory: as tensors that are read in place, under a lease, until they are given back.
 *
 * @since 0.1.0
 */
import { arrays, type DType, type TypedArray } from "../../../core/DType.ts"
import { Tensor } from "../../../core/Tensor.ts"
import type { Batch } from "../../../pipeline/Batch.ts"
import { KEPT_FROM_USE, Lease, Quarantine } from "../../../pipeline/Lease.ts"
import type { BuiltBatch } from "../Backend.ts"
import { putTensors } from "../remote/BatchCodec.ts"
import type { BuiltElsewhere } from "../remote/Member.ts"
import type { BatchRequest, BuiltReply, EncodedTensor, MemorySlot } from "../remote/Protocol.ts"
import { BatchLayout } from "./BatchLayout.ts"
import type { LaidOut } from "./QueueCells.ts"
import type { SharedQueue } from "./SharedQueue.ts"
import type { ThreadControl } from "./ThreadControl.ts"

/**
 * The memory of a thread, as its owner sees it. It goes with its thread; batches in it stay readable.
 *
 * @since 0.1.0
 */
export class SharedBatches {
  readonly #control: ThreadControl | undefined
  /** Where it is counted what is in flight. */
  readonly #queue: SharedQueue | undefined
  readonly #debug: boolean
  readonly #layouts = new Map<number, BatchLayout>()
  readonly #quarantine: Quarantine<MemorySlot>
  #memory: ArrayBufferLike = new ArrayBuffer(0)
  #generation = 0
  /** Addresses that are no longer read, and that there was no room to give back. */
  #free: ReadonlyArray<number> = []

  /** With `debug`, memory is overwritten as soon as it is given back, so that late reads show. */
  constructor(control: ThreadControl | undefined, queue: SharedQueue | undefined, debug: boolean) {
    this.#control = control
    this.#queue = queue
    this.#debug = debug
    this.#quarantine = new Quarantine(debug ? KEPT_FROM_USE : 0)
  }

  /** The thread's memory has grown. */
  grown(memory: ArrayBufferLike, generation: number): void {
    this.#memory = memory
    this.#generation = generation
  }

  /** A batch that was sent; its layout, if it has one, is kept for later ones. */
  sent(built: BuiltReply): BuiltElsewhere {
    if (built.layout !== undefined) this.#layouts.set(built.layout, new BatchLayout(built))
    const { draws, observed, retried, slots, times } = built
    this.#queue?.came(kibibytes(slots))
    return {
      _tag: "Built",
      observed,
      draws,
      retried,
      times,
      content: () => this.#content(built),
      discard: () => this.#discard(slots)
    }
  }

  /** A batch of a layout; none if the layout, or the memory, is not known yet. */
  laidOut(request: BatchRequest, answer: LaidOut): BuiltElsewhere | undefined {
    const layout = this.#layouts.get(answer.layout)
    if (layout === undefined || answer.generation > this.#generation) return undefined
    return {
      _tag: "Built",
      observed: answer.observed,
      content: () => {
        const { addresses, hash } = answer
        const own = this.#lease(request.epoch, request.batch, layout.slots(addresses))
        const memory = this.#memory
        const batch = layout.batch(request, addresses, (at) => own.tensor(view(at, memory), at.shape))
        return { batch, hash, lease: own }
      },
      discard: () => this.#discard(layout.slots(answer.addresses))
    }
  }

  #content({ batch, hash, slots, tensors }: BuiltReply): BuiltBatch {
    if (batch === undefined) return { batch: undefined, hash }
    // A thread sends batches.
    const place = batch as { readonly epoch: number; readonly index: number }
    const own = this.#lease(place.epoch, place.index, slots)
    const memory = this.#memory
    const whole = putTensors(batch, (index) => {
      const at = tensors[index] as EncodedTensor // as many as numbers
      return at._tag === "Sent" ? new Tensor(at.data, at.shape) : own.tensor(view(at, memory), at.shape)
    }) as Batch<unknown>
    return { batch: whole, hash, lease: own }
  }

  #lease(epoch: number, batch: number, slots: ReadonlyArray<MemorySlot>): Lease {
    const memory = this.#memory
    return new Lease(epoch, batch, () => {
      if (this.#debug) {
        for (const { address, length } of slots) new Uint8Array(memory, address, length).fill(0xff)
      }
      this.#queue?.given(kibibytes(slots))
      this.#give(this.#quarantine.pass(slots))
    })
  }

  #discard(slots: ReadonlyArray<MemorySlot>): void {
    this.#queue?.given(kibibytes(slots))
    this.#give(slots)
  }

  #give(slots: ReadonlyArray<MemorySlot>): void {
    const free = [...this.#free, ...slots.map(({ address }) => address)]
    this.#free = this.#control?.give(free) ?? free
  }
}

/** How much memory slots take. @since 0.1.0 */
export const kibibytes = (slots: ReadonlyArray<MemorySlot>): number =>
  Math.ceil(slots.reduce((sum, { length }) => sum + length, 0) / 1024)

/** All of them can be views of shared memory. */
const views: { readonly [D in DType]: new (memory: ArrayBufferLike, offset: number, length: number) => TypedArray } =
  arrays

const view = (
  { address, clamped, dtype, length }: Extract<EncodedTensor, { readonly _tag: "InMemory" }>,
  memory: ArrayBufferLike
): TypedArray => new (clamped ? Uint8ClampedArray : views[dtype])(memory, address, length)
