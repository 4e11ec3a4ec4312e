/**
 * A GET over HTTP/1.1 whose body is read piece by piece, no faster than the caller takes it.
 *
 * Uses sockets instead of `node:http` or `fetch`: on Bun, over loopback, they read 3.2 GB/s, `node:http` 1.7, `fetch` 1.2.
 *
 * @since 0.1.0
 */
import { isIP, connect as plain, type Socket } from "node:net"
import { connect as secure } from "node:tls"
import { HttpFault, HttpResponse, UNANSWERED } from "./HttpResponse.ts"

/** Reading pauses while more than this many bytes have not been taken. */
const MOST_AHEAD = 2 ** 20

/** A response whose head has arrived. The caller must {@link close} it. @since 0.1.0 */
export class Download {
  readonly #socket: Socket
  readonly #response = new HttpResponse()
  #pieces: Array<Uint8Array> = []
  #taken = 0
  #ahead = 0
  #isOver = false
  #error: Error | undefined
  /** Called when a piece has arrived, and at the end. */
  wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    const body = (part: Uint8Array): void => {
      this.#pieces.push(part)
      this.#ahead += part.length
    }
    socket.on("data", (piece: Uint8Array) => {
      try {
        this.#response.take(piece, body)
      } catch (thrown) {
        return this.#end(thrown instanceof Error ? thrown : new Error(String(thrown)))
      }
      if (this.#response.isOver) return this.#end(undefined)
      if (this.#ahead > MOST_AHEAD) socket.pause()
      this.wake?.()
    })
    socket.on("end", () => this.#closed())
    socket.on("error", (error) => this.#end(this.#response.hasBegun ? error : unanswered(error)))
    socket.on("close", () => this.#closed())
  }

  get status(): number {
    return this.#response.status
  }

  /**
   * Requests `url` and waits for the head of the response. Redirects are not followed, so that
   * a token never reaches another host. An abort before then closes the connection.
   */
  static async open(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    ca?: string
  ): Promise<Download> {
    signal.throwIfAborted()
    const asked = requestOf(url, headers)
    const host = url.hostname.replace(/^\[|\]$/g, "")
    const isSecure = url.protocol === "https:"
    const port = Number(url.port === "" ? (isSecure ? 443 : 80) : url.port)
    // Certificates are checked against the name; a host that is an IP address sends none (SNI).
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket = isSecure
      ? secure({ host, port, ...name, ...(ca === undefined ? {} : { ca }) })
      : plain({ host, port })
    // The first pieces are whole batches, and what is asked for is small.
    socket.setNoDelay(true)
    socket.write(asked)
    const download = new Download(socket)
    const abort = (): void => download.close()
    signal.addEventListener("abort", abort)
    try {
      while (download.status === 0) await download.#next()
      return download
    } catch (error) {
      download.close()
      throw error
    } finally {
      signal.removeEventListener("abort", abort)
    }
  }

  /** The next piece, if one has arrived. */
  take(): Uint8Array | undefined {
    const piece = this.#pieces[this.#taken]
    if (piece === undefined) return undefined
    this.#taken++
    this.#ahead -= piece.length
    if (this.#taken === this.#pieces.length) {
      this.#pieces = []
      this.#taken = 0
      if (!this.#isOver) this.#socket.resume()
    }
    return piece
  }

  /** Whether a piece, or the end, has arrived. */
  get hasCome(): boolean {
    return this.#isOver || this.#pieces.length > 0
  }

  /** Whether all pieces were taken and no more come. Throws if the connection broke. */
  get isOver(): boolean {
    if (!this.#isOver || this.#pieces.length > 0) return false
    if (this.#error !== undefined) throw this.#error
    return true
  }

  /** Waits for a piece, or returns `false` at the end. Rejects if the connection breaks. One caller at a time. */
  async arrives(): Promise<boolean> {
    while (this.#pieces.length === 0) {
      if (this.#isOver && this.#error === undefined) return false
      await this.#next()
    }
    return true
  }

  /** Waits until a piece arrives. Rejects if the connection breaks. */
  async #next(): Promise<void> {
    if (this.#error !== undefined) throw this.#error
    await new Promise<void>((resolve) => {
      this.wake = resolve
    })
    this.wake = undefined
    if (this.#error !== undefined && this.#pieces.length === 0) throw this.#error
  }

  /** The rest of the body as text, up to `most` bytes. */
  async text(most: number): Promise<string> {
    const pieces: Array<Uint8Array> = []
    for (let length = 0; length < most && (await this.arrives()); ) {
      const piece = this.take()
      if (piece === undefined) break
      pieces.push(piece)
      length += piece.length
    }
    return Buffer.concat(pieces).subarray(0, most).toString("utf8")
  }

  /** Closes the connection; a pending read ends. */
  close(): void {
    this.#end(new Error("the connection was given up"))
  }

  #closed(): void {
    if (this.#isOver) return
    try {
      this.#response.end()
      this.#end(undefined)
    } catch (thrown) {
      this.#end(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  }

  #end(error: Error | undefined): void {
    // Its end is the run's, too.
    this.#socket.destroy()
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    this.wake?.()
  }
}

/** Adds to the error of a connection that was broken off what the reason may be. */
const unanswered = (error: Error): Error =>
  "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE")
    ? new HttpFault(`${error.message}, ${UNANSWERED}`)
    : error

/** Characters that could end a header line, or do not fit into a byte. */
const NO_HEADER = /[^\t\x20-\x7e\x80-\xff]/

const requestOf = (url: URL, headers: Readonly<Record<string, string>>): string => {
  const basic = Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString(
    "base64"
  )
  const own = {
    host: url.host,
    ...(url.username === "" ? {} : { authorization: `Basic ${basic}` }),
    ...headers,
    connection: "close"
  }
  const lines = Object.entries(own).map(([name, value]) => {
    // The value may be a secret.
    if (NO_HEADER.test(value)) throw new Error(`the header ${name} holds a character that headers cannot`)
    return `${name}: ${value}\r\n`
  })
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`
}
