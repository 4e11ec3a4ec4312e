/**
 * The server of a runner's port: connections that never say anything do not keep others out.
 *
 * @since 0.1.0
 */
import { createServer, type Server, type Socket } from "node:net"
import { createServer as createSecureServer } from "node:tls"

/**
 * Returns a server that is not yet listening. A client has `opening` milliseconds for its TLS handshake: until that is done
 * nobody else counts its time, and its connection counts among the most that there may be.
 *
 * @since 0.1.0
 */
export const serverOf = (
  tls: { readonly cert: string; readonly key: string } | undefined,
  opening: number,
  accept: (socket: Socket) => void
): Server => {
  if (tls === undefined) return createServer(accept)
  const server = createSecureServer({ ...tls, handshakeTimeout: opening }, accept)
  server.on("tlsClientError", (_, socket) => socket.destroy())
  return server
}
