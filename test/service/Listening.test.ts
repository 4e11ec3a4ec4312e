/** Connections that ask for nothing are given up; those that wait for an answer are not. */
import { expect, test } from "bun:test"
import { type AddressInfo, connect, type Socket } from "node:net"
import { connect as secure } from "node:tls"
import { bounded, serverOf } from "../../src/service/Listening.ts"
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

test.each([
  ["HTTP", undefined],
  ["HTTPS", { cert: certificate, key }]
] as const)(
  "connections over %s that ask for nothing give their places to those that ask; one that is answered keeps its own",
  async (_, tls) => {
    const server = serverOf(tls, 60_000, (_, response) => {
      response.write("begun")
      setTimeout(() => response.end("here"), 300)
    })
    bounded(server, 3)
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo // it listens at a port
    const asking = (begun?: () => void) =>
      new Promise<string>((resolve) => {
        const socket =
          tls === undefined ? connect(port, "127.0.0.1") : secure({ port, ca: certificate, host: "127.0.0.1" })
        let said = ""
        socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        socket.on("data", (piece) => {
          said += piece.toString()
          begun?.()
        })
        socket.on("error", () => undefined)
        socket.on("close", () => resolve(said))
      })
    const silent: Array<Socket> = []
    try {
      let first: Promise<string> | undefined
      await new Promise<void>((resolve) => {
        first = asking(resolve)
      })
      for (let number = 0; number < 8; number++) {
        const socket = connect(port, "127.0.0.1").on("error", () => undefined)
        silent.push(socket)
        await new Promise((resolve) => socket.once("connect", resolve))
      }
      for (const said of await Promise.all([first, asking()])) expect(said).toContain("here")
    } finally {
      for (const socket of silent) socket.destroy()
      server.close()
      server.closeAllConnections()
    }
  },
  10_000
)
