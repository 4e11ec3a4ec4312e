/**
 * A gate in front of a server of S3's protocol: it passes requests on, unless a test has something happen at one of them, and
 * knows which uploads are open. It also aborts uploads, which s3rver cannot.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** What happens at a request: the client hears nothing, or an error; the server has done it, or has not. */
export type Incident = "lost before" | "lost behind" | "unavailable"

export interface S3Gate {
  readonly url: string
  /** The requests that change something: method and path. */
  readonly changes: Array<string>
  /** Uploads that were begun, and neither completed nor aborted. */
  readonly open: Set<string>
  /** Called for each request that changes something, with its number, from 0. */
  incident: (change: string, number: number) => Incident | undefined
  /** Waits until no request is on its way to the server: one whose sender was killed is done later. */
  readonly settled: () => Promise<void>
  readonly close: () => Promise<void>
}

export const s3Gate = async (server: string): Promise<S3Gate> => {
  const { hostname, port } = new URL(server)
  const changes: Array<string> = []
  const open = new Set<string>()
  let underWay = 0
  const passOn = (
    incoming: IncomingMessage,
    body: Buffer,
    then: (status: number, text: Buffer, from: IncomingMessage) => void
  ) => {
    const { headers, method, url: path } = incoming
    underWay++
    const outgoing = request({ hostname, port, method, path, headers }, (from) => {
      const chunks: Array<Buffer> = []
      from.on("data", (chunk: Buffer) => chunks.push(chunk))
      from.on("end", () => then(from.statusCode ?? 0, Buffer.concat(chunks), from))
    })
    outgoing.on("error", () => incoming.socket.destroy())
    outgoing.on("close", () => underWay--)
    outgoing.end(body)
  }
  const answered = (incoming: IncomingMessage, response: ServerResponse, body: Buffer): void => {
    const { method = "", url = "" } = incoming
    const isChange = method !== "GET" && method !== "HEAD"
    const change = `${method} ${url}`
    const incident = isChange ? own.incident(change, changes.push(change) - 1) : undefined
    const upload = new URL(url, server).searchParams.get("uploadId")
    if (incident === "lost before") return void incoming.socket.destroy()
    if (incident === "unavailable") return void response.writeHead(503).end()
    if (method === "DELETE" && upload !== null) {
      open.delete(upload)
      return void response.writeHead(204).end()
    }
    passOn(incoming, body, (status, text, from) => {
      const begun = /<UploadId>([^<]+)/.exec(text.toString("latin1"))?.[1]
      if (method === "POST" && status === 200) {
        if (upload === null && begun !== undefined) open.add(begun)
        else if (upload !== null) open.delete(upload)
      }
      if (incident === "lost behind") return void incoming.socket.destroy()
      response.writeHead(status, from.headers)
      response.end(method === "HEAD" ? undefined : text)
    })
  }
  const gate = createServer((incoming, response) => {
    const chunks: Array<Buffer> = []
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
    incoming.on("end", () => answered(incoming, response, Buffer.concat(chunks)))
  })
  await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve))
  const own: S3Gate = {
    url: `http://127.0.0.1:${(gate.address() as AddressInfo).port}`, // it listens at a port
    changes,
    open,
    incident: () => undefined,
    settled: async () => {
      while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, 1))
    },
    close: () =>
      new Promise((resolve) => {
        gate.close(() => resolve())
        gate.closeAllConnections()
      })
  }
  return own
}
