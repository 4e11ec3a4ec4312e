/** Connections that ask for nothing are given up; those that wait for an answer are not. */
import { expect, test } from "bun:test"
import { type AddressInfo, connect } from "node:net"
import { connect as secure } from "node:tls"
import { serverOf } from "../../src/service/Listening.ts"
import { certificate, key } from "../support/certificate.ts"

// A handshake on a busy machine fits in.
const OPENING = 1000

test.each([
  ["HTTP", undefined],
  ["HTTPS", { cert: certificate, key }]
] as const)(
  "a connection over %s that does not ask within the time is closed, however it begins",
  async (_, tls) => {
    const server = serverOf(tls, OPENING, (_, response) => void setTimeout(() => response.end("here"), 1.5 * OPENING))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo // it listens at a port
    const heard = (says: string, more = "") =>
      new Promise<string>((resolve) => {
        const socket =
          tls === undefined ? connect(port, "127.0.0.1") : secure({ port, ca: certificate, host: "127.0.0.1" })
        let said = ""
        // Deno tells of no `close` over TLS after a write of nothing.
        if (says !== "") socket.write(says)
        const going = setInterval(() => more !== "" && socket.writable && socket.write(more), OPENING / 5)
        socket.on("data", (piece) => {
          said += piece.toString()
          if (said.endsWith("here")) socket.destroy()
        })
        socket.on("error", () => undefined)
        socket.on("close", () => {
          clearInterval(going)
          resolve(said)
        })
      })
    try {
      const [asks, ...others] = await Promise.all([
        heard("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        heard(""),
        heard("GET / HTTP/1.1\r\n"),
        heard("GET / HTTP/1.1\r\nX-Long: ", "y"),
        heard("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", "y")
      ])
      expect(asks).toContain("here")
      for (const other of others) expect(other).not.toContain("here")
    } finally {
      server.close()
      server.closeAllConnections()
    }
  },
  10_000
)
