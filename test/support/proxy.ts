/**
 * A network of one cable: a proxy in front of a port, which can be frozen, cut or slowed down.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export interface Proxy {
  readonly address: string
  /** How many connections were made. */
  readonly made: () => number
  /** Nothing passes any more, and nobody is told: connections stay half open. */
  readonly freeze: (frozen: boolean) => void
  /** By how many milliseconds each piece from behind the port comes late. */
  readonly slow: (milliseconds: number) => void
  /** Ends all connections. */
  readonly cut: () => void
  readonly close: () => Promise<void>
}

/** A proxy at a free port of `host`. */
export const proxy = async (port: number, host = "127.0.0.1"): Promise<Proxy> => {
  const sockets = new Set<Socket>()
  let frozen = false
  let delay = 0
  let made = 0
  const server = createServer((client) => {
    made++
    const behind = connect(port, "127.0.0.1")
    const pairs = [
      [client, behind, () => 0],
      [behind, client, () => delay]
    ] as const
    for (const [from, to, late] of pairs) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on("data", (piece: Uint8Array) => {
        const write = (): void => {
          if (!frozen && !to.destroyed) to.write(piece)
        }
        if (late() === 0) write()
        else setTimeout(write, late())
      })
      from.on("error", () => undefined)
      from.on("close", () => {
        sockets.delete(from)
        if (!frozen) to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`, // it listens at a port
    made: () => made,
    freeze: (own) => {
      frozen = own
    },
    slow: (milliseconds) => {
      delay = milliseconds
    },
    cut,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      cut()
      await closed
    }
  }
}
