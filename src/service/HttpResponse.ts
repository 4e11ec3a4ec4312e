/**
 * Reads a response of HTTP/1.1 from the pieces in which it arrives: its head, and the bytes of its body, which are not copied.
 *
 * RFC 9112. What could be read in two ways is refused: a length beside chunks, two lengths, another coding than chunks.
 *
 * @since 0.1.0
 */

/** What is received is no response of HTTP/1.1, or one that is cut. @since 0.1.0 */
export class HttpFault extends Error {}

/** The longest head, and the longest line of a chunk's size or of a trailer. */
const LONGEST_HEAD = 65_536
const LONGEST_LINE = 4096

/** What is said if a connection ends that a TLS handshake, or the lack of one, may have ended. @since 0.1.0 */
export const UNANSWERED = "before it had answered: do both sides use TLS, or neither?"

/** How an alert of TLS begins: its type, and the first byte of its version. */
const ALERT = "\x15\x03"

const LINE_END = 10

/** Where the reader stands: what the next byte belongs to. */
type State = "head" | "sized" | "untilClose" | "chunkSize" | "chunk" | "chunkEnd" | "trailer" | "over"

/** One response. @since 0.1.0 */
export class HttpResponse {
  /** 0 until its head is there. */
  status = 0
  #state: State = "head"
  /** Of a head or a line, what has come of it. */
  #text = ""
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0

  /** Whether anything of it has come. An alert of TLS is not of HTTP: Deno's server sends one, Bun's and Node's close. */
  get hasBegun(): boolean {
    return this.#state !== "head" || !(this.#text === "" || this.#text.startsWith(ALERT))
  }

  /** Whether all of it has come. */
  get isOver(): boolean {
    return this.#state === "over"
  }

  /** Takes a piece, and gives what of it is of the body to `body`. Throws {@link HttpFault}. */
  take(piece: Uint8Array, body: (part: Uint8Array) => void): void {
    for (let at = 0; at < piece.length && this.#state !== "over"; ) {
      switch (this.#state) {
        case "head":
          at = this.#headFrom(piece, at)
          break
        case "untilClose":
          body(at === 0 ? piece : piece.subarray(at))
          return
        case "sized":
        case "chunk": {
          const part = piece.subarray(at, at + this.#left)
          this.#left -= part.length
          at += part.length
          body(part)
          if (this.#left === 0) this.#state = this.#state === "sized" ? "over" : "chunkEnd"
          break
        }
        default:
          at = this.#lineFrom(piece, at)
      }
    }
  }

  /** The connection has ended. Throws {@link HttpFault} if something is missing. */
  end(): void {
    if (this.#state === "untilClose") this.#state = "over"
    if (!this.hasBegun) throw new HttpFault(`the connection was closed, ${UNANSWERED}`)
    if (this.#state !== "over") throw new HttpFault("the connection was closed before the body ended")
  }

  #headFrom(piece: Uint8Array, from: number): number {
    const end = piece.indexOf(LINE_END, from)
    const to = end < 0 ? piece.length : end + 1
    this.#text += latin1(piece, from, to)
    if (this.#text.length > LONGEST_HEAD) throw new HttpFault(`its head is longer than ${LONGEST_HEAD} bytes`)
    if (this.#text.endsWith("\r\n\r\n")) {
      const head = this.#text
      this.#text = ""
      this.#begin(head)
    }
    return to
  }

  #begin(head: string): void {
    const [first = "", ...lines] = head.slice(0, -4).split("\r\n")
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1])
    if (Number.isNaN(status)) throw new HttpFault(`it answers no HTTP/1.1, but ${JSON.stringify(first.slice(0, 80))}`)
    // Of what is to come the final answer counts.
    if (status < 200) return
    const values = (name: string) =>
      lines
        .filter((line) => line.slice(0, name.length + 1).toLowerCase() === `${name}:`)
        .map((line) => line.slice(name.length + 1).trim())
    const coding = values("transfer-encoding")
    const lengths = values("content-length")
    if (coding.length > 1 || lengths.length > 1 || (coding.length > 0 && lengths.length > 0)) {
      throw new HttpFault("its head has more than one length")
    }
    if (coding[0] !== undefined && coding[0].toLowerCase() !== "chunked") {
      throw new HttpFault(`its body is coded as ${JSON.stringify(coding[0].slice(0, 80))}`)
    }
    if (lengths[0] !== undefined && !/^\d{1,15}$/.test(lengths[0])) throw new HttpFault("its length is no number")
    this.status = status
    this.#left = Number(lengths[0] ?? 0)
    if (coding.length > 0) this.#state = "chunkSize"
    else if (status === 204 || status === 304 || (lengths.length > 0 && this.#left === 0)) this.#state = "over"
    else this.#state = lengths.length > 0 ? "sized" : "untilClose"
  }

  /** A line between the bytes of chunks. */
  #lineFrom(piece: Uint8Array, from: number): number {
    const end = piece.indexOf(LINE_END, from)
    const to = end < 0 ? piece.length : end + 1
    if (this.#text.length + to - from > LONGEST_LINE) throw new HttpFault("a line between its chunks is too long")
    this.#text += latin1(piece, from, to)
    if (end < 0) return to
    const line = this.#text
    this.#text = ""
    if (!line.endsWith("\r\n")) throw new HttpFault("a line between its chunks has no end")
    this.#line(line.slice(0, -2))
    return to
  }

  #line(line: string): void {
    if (this.#state === "chunkEnd") {
      if (line !== "") throw new HttpFault("a chunk is longer than it says")
      this.#state = "chunkSize"
    } else if (this.#state === "chunkSize") {
      const size = /^([\da-f]{1,12})[\t ]*(?:;.*)?$/i.exec(line)?.[1]
      if (size === undefined) throw new HttpFault(`a chunk has the size ${JSON.stringify(line.slice(0, 40))}`)
      this.#left = Number.parseInt(size, 16)
      this.#state = this.#left === 0 ? "trailer" : "chunk"
    } else if (line === "") this.#state = "over"
  }
}

const latin1 = (piece: Uint8Array, from: number, to: number): string =>
  Buffer.from(piece.buffer, piece.byteOffset + from, to - from).toString("latin1")
