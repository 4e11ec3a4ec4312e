/**
 * The HTTP server of a service, which closes idle connections, so that they do not lock trainers out.
 *
 * @since 0.1.0
 */
import { createServer, type RequestListener, type Server } from "node:http"
import { createServer as createSecureServer } from "node:https"

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
