/**
 * A server that is far away, in a process of its own: `farServer.ts FILE LATENCY_MS BYTES_PER_SECOND`. Every path leads to the
 * same bytes, by ranges; an answer begins after the latency, and comes at so many bytes a second for each connection. It says
 * its address when it is ready, and ends with its input.
 */
import { readFileSync } from "node:fs"
import { createServer } from "node:http"

const [path = "", latency = "0", rate = "Infinity"] = process.argv.slice(2)
const bytes = readFileSync(path)
const perMs = Number(rate) / 1000

/** Timers are exact to a millisecond or two. */
const TICK_MS = 5

const server = createServer(({ headers, method }, response) => {
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "")
  const [from, to] = range === null ? [0, bytes.length] : [Number(range[1]), Number(range[2]) + 1]
  const own = { "accept-ranges": "bytes", "content-length": to - from, etag: '"far"' }
  const place = range === null ? {} : { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` }
  const begun = performance.now() + Number(latency)
  let at = from
  const send = (): void => {
    if (response.destroyed) return
    const due = Math.min(to, from + Math.floor((performance.now() - begun) * perMs))
    if (due > at) response.write(bytes.subarray(at, due))
    at = Math.max(at, due)
    if (at < to) setTimeout(send, TICK_MS)
    else response.end()
  }
  setTimeout(() => {
    response.writeHead(range === null ? 200 : 206, { ...own, ...place })
    if (method === "HEAD") response.end()
    else if (Number.isFinite(perMs)) send()
    else response.end(bytes.subarray(from, to))
  }, Number(latency))
})

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  console.log(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`)
})
process.stdin.on("end", () => process.exit(0)).resume()
