/**
 * A SHA-256 over many short parts.
 *
 * @since 0.1.0
 */
import { sha256Stream } from "./runtime.ts"

/** Parts of up to so many bytes in all are gathered: a call of the runtime's own hash takes as long as hashing some hundreds. */
const ROOM = 4096

/** UTF-8 takes at most three bytes for each of a text's units. */
const MOST_PER_UNIT = 3

/** Texts of at most so many units are written by a loop, which the encoder's call would take longer than. */
const SHORT = 48

const encoder = new TextEncoder()

/** Memory that no hash holds; another one is begun before the last one has ended only where a column's own code begins it. */
let free: Uint8Array<ArrayBuffer> | undefined

/**
 * Takes texts and bytes, and hashes them as if they were one piece.
 *
 * @since 0.1.0
 */
export class GatheredHash {
  readonly #held: Uint8Array<ArrayBuffer>
  #length = 0
  #hash: ReturnType<typeof sha256Stream> | undefined

  constructor() {
    this.#held = free ?? new Uint8Array(ROOM)
    free = undefined
  }

  /** Adds a text, as UTF-8. */
  text(text: string): this {
    const most = MOST_PER_UNIT * text.length
    if (most > ROOM - this.#length) this.#flush()
    if (most > ROOM) this.#stream.update(text)
    else if (text.length > SHORT || !this.#ascii(text)) {
      this.#length += encoder.encodeInto(text, this.#held.subarray(this.#length)).written
    }
    return this
  }

  /** Adds a text of ASCII; returns `false`, without side effects, if it is none. */
  #ascii(text: string): boolean {
    const held = this.#held
    let at = this.#length
    for (let unit = 0; unit < text.length; unit++) {
      const code = text.charCodeAt(unit)
      if (code > 0x7f) return false
      held[at++] = code
    }
    this.#length = at
    return true
  }

  /** Adds bytes. They are read at once. */
  bytes(bytes: Uint8Array): this {
    if (bytes.length > ROOM - this.#length) this.#flush()
    if (bytes.length > ROOM) this.#stream.update(bytes)
    else {
      this.#held.set(bytes, this.#length)
      this.#length += bytes.length
    }
    return this
  }

  /** The 32 bytes of the hash. Nothing can be added after that. */
  digest(): Uint8Array {
    this.#flush()
    free = this.#held
    return this.#stream.digest()
  }

  get #stream(): ReturnType<typeof sha256Stream> {
    this.#hash ??= sha256Stream()
    return this.#hash
  }

  #flush(): void {
    if (this.#length === 0) return
    this.#stream.update(this.#held.subarray(0, this.#length))
    this.#length = 0
  }
}
