/**
 * The HTTP server of a service, which closes idle connections, so that they do not lock trainers out.
 *
 * @since 0.1.0
 */
import { createServer, type RequestListener, type Server } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { Server as NetServer, Socket } from "node:net"

/**
 * Returns a server that is not yet listening. A client has `opening` milliseconds for its TLS handshake, and as many to send each
 * request; until then it uses up one of the connections. Answers have no time limit.
 *
 * @since 0.1.0
 */
export const serverOf = (
  tls: { readonly cert: string; readonly key: string } | undefined,
  opening: number,
  listener: RequestListener
): Server => {
  // Node's own are a minute for the head and five for the rest, looked at every 30 seconds.
  const limits = { headersTimeout: opening, requestTimeout: opening, connectionsCheckingInterval: opening / 10 }
  if (tls === undefined) return createServer(limits, listener)
  const server = createSecureServer({ ...tls, ...limits, handshakeTimeout: opening }, listener)
  return server.on("tlsClientError", (_, socket) => socket.destroy())
}

/** So many connections more are taken for the moment until one of them is closed. */
const SPARE = 16

/**
 * Bounds the connections of a server. If there are more, the one that has asked for nothing for longest is closed: a new one
 * asks at once, and gets its place. Bun tells of a connection when it asks, and counts no others.
 *
 * @since 0.1.0
 */
export const bounded = (server: Server, most: number): void => {
  const keep = places(server, most)
  server.on("request", ({ socket }) => keep(socket))
}

/**
 * As {@link bounded}, for any server: returns the function that gives a connection its place for good.
 *
 * @since 0.1.0
 */
export const places = (server: NetServer, most: number): ((socket: Socket) => void) => {
  server.maxConnections = most + SPARE
  let open = 0
  /** Those that have asked for nothing, the oldest first, by their address: over TLS a request has another socket. */
  const silent = new Map<string, Socket>()
  server.on("connection", (socket: Socket) => {
    const address = addressOf(socket)
    open++
    silent.set(address, socket)
    socket.once("close", () => {
      open--
      if (silent.get(address) === socket) silent.delete(address)
    })
    if (open <= most) return
    const [[oldest, other] = [address, socket]] = silent
    silent.delete(oldest)
    other.destroy()
  })
  return (socket) => void silent.delete(addressOf(socket))
}

const addressOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
