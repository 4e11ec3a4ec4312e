/**
 * The chain of hashes behind a run's digest.
 *
 * @since 0.1.0
 */
import { sha256Stream } from "../../core/runtime.ts"
import { hex } from "../plan/Digest.ts"

/** Takes the hashes of a run's batches in the plan's order. @since 0.1.0 */
export class DigestChain {
  #head: Uint8Array

  /** Continues behind `head`, the hash over all batches before. */
  constructor(head: Uint8Array = new Uint8Array(32)) {
    this.#head = head
  }

  /** Adds the hash of the next batch; `undefined` if nothing was left of the batch. */
  add(hash: Uint8Array | undefined): void {
    if (hash !== undefined) this.#head = sha256Stream().update(this.#head).update(hash).digest()
  }

  /** The digest so far: 64 hexadecimal digits. */
  get value(): string {
    return hex(this.#head)
  }
}
