/**
 * The way from a loader to a runner: what is needed of a connection, and how the network gives one.
 *
 * @since 0.1.0
 */
import { connect } from "node:net"
import { connect as connectSecurely } from "node:tls"
import type { Trust } from "../service/Certificate.ts"
import type { RunnerInfo } from "./Runners.ts"

/** What is needed of a socket; one of `node:net` has it, and so has a simulated one. @since 0.1.0 */
export interface ByteSocket {
  readonly connecting: boolean
  readonly destroyed: boolean
  on(event: "data", listener: (piece: Uint8Array) => void): unknown
  on(event: "error", listener: (error: Error) => void): unknown
  on(event: "end" | "close", listener: () => void): unknown
  write(piece: Uint8Array, left?: () => void): unknown
  pause(): unknown
  resume(): unknown
  ref(): unknown
  unref(): unknown
  end(): unknown
  destroy(): unknown
  setNoDelay(): unknown
}

/** Begins a connection to a runner; what is written to it before it is there is sent then. @since 0.1.0 */
export type Dial = (runner: RunnerInfo) => ByteSocket

/** Dials by TCP, or by TLS if it has options. @since 0.1.0 */
export const byNetwork =
  (tls: Trust | undefined): Dial =>
  ({ host, port }) => {
    const address = host.replace(/^\[|\]$/g, "")
    const { ca, servername } = tls ?? {}
    return tls === undefined
      ? connect({ host: address, port })
      : connectSecurely({
          host: address,
          port,
          ...(ca === undefined ? {} : { ca }),
          ...(servername === undefined ? {} : { servername })
        })
  }
