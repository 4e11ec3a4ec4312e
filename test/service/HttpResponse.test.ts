/**
 * Responses over HTTP/1.1: read the same in whatever pieces they arrive; what is cut or can be read in two ways is refused.
 */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { HttpFault, HttpResponse } from "../../src/service/HttpResponse.ts"

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0))

/** Reads a response that arrives in pieces of these lengths, over and over, and whose connection then ends. */
const read = (text: string, lengths: ReadonlyArray<number> = [text.length]) => {
  const bytes = bytesOf(text)
  const response = new HttpResponse()
  let body = ""
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1
    response.take(bytes.subarray(at, at + length), (part) => {
      body += String.fromCharCode(...part)
    })
    at += length
  }
  const isOver = response.isOver
  response.end()
  return { status: response.status, body, isOver }
}

const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
const sound: ReadonlyArray<readonly [text: string, body: string, isOver: boolean]> = [
  [`${CHUNKED}3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n`, "abc0123456789", true],
  [`${CHUNKED}2\r\n\r\n\r\n0\r\nsum: 1\r\n\r\nbehind`, "\r\n", true],
  ["HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nabcdefgh", "abcde", true],
  ["HTTP/1.0 200 OK\r\nserver: x\r\n\r\nto the end", "to the end", false],
  ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length:1\r\n\r\nx", "x", true],
  ["HTTP/1.1 204 No Content\r\n\r\n", "", true]
]

describe("a response", () => {
  test("is read in whatever pieces it arrives", () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...sound), pieces, ([text, body, isOver], lengths) => {
        const status = text.includes(" 204 ") ? 204 : 200
        expect(read(text, lengths)).toEqual({ status, body, isOver })
      }),
      { numRuns: 300 }
    )
  })

  test("that is cut anywhere is no whole one", () => {
    for (const [text, , isOver] of sound) {
      // One that its connection ends may end anywhere; what is behind the end of another is not looked at.
      if (!isOver) continue
      const bytes = text.endsWith("behind") ? text.slice(0, -6) : text.replace("fgh", "")
      for (let at = 0; at < bytes.length; at++) expect(() => read(bytes.slice(0, at))).toThrow(HttpFault)
    }
  })

  test.each([
    ["HTTP/2 200\r\n\r\n", "no HTTP/1.1"],
    ["SSH-2.0-x\r\n\r\n", "no HTTP/1.1"],
    ["HTTP/1.1 20 x\r\n\r\n", "no HTTP/1.1"],
    [`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}\r\n`, "longer than 65536"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "more than one length"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "more than one length"],
    ["HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "no number"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "coded as"],
    [`${CHUNKED}x\r\n`, "has the size"],
    [`${CHUNKED}fffffffffffff\r\n`, "has the size"],
    [`${CHUNKED}1\r\nab\r\n`, "longer than it says"],
    [`${CHUNKED}1\n`, "has no end"],
    [`${CHUNKED}${"0".repeat(5000)}`, "too long"]
  ])("that is %j is refused", (text, reason) => {
    for (const lengths of [[text.length], [1], [7]]) expect(() => read(text, lengths)).toThrow(reason)
  })
})
