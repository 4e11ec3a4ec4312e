/** A server on loopback, for tests of stores. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

export interface Server {
  readonly url: string
  /** What was asked: method, path and range. */
  readonly asked: Array<string>
  readonly close: () => Promise<void>
}

export const serve = async (
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void
): Promise<Server> => {
  const asked: Array<string> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    asked.push(`${request.method} ${request.url} ${request.headers.range ?? ""}`.trim())
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => answer(request, response, Buffer.concat(chunks)))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** Answers with bytes, by ranges, as a server of files does. */
export const ranged = (
  { headers, method }: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  own: Readonly<Record<string, string>> = {}
): void => {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "")
  const end = (status: number, part: Uint8Array, more: Readonly<Record<string, string>>): void => {
    response.writeHead(status, { "accept-ranges": "bytes", "content-length": part.length, ...own, ...more })
    response.end(method === "HEAD" ? undefined : part)
  }
  if (range === null) end(200, bytes, {})
  else {
    const from = Number(range[1])
    const to = Math.min(Number(range[2]) + 1, bytes.length)
    if (from >= bytes.length) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` })
      response.end()
    } else end(206, bytes.subarray(from, to), { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` })
  }
}
