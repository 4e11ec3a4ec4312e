/** Messages as frames of bytes: a length of four bytes, then the runtime's own encoding of a structured clone. */
import { deserialize, serialize } from "node:v8"

export const frame = (message: unknown): Uint8Array => {
  const body = serialize(message)
  const whole = new Uint8Array(4 + body.length)
  new DataView(whole.buffer).setUint32(0, body.length)
  whole.set(body, 4)
  return whole
}

/** Takes bytes as they come, and calls `said` for each whole message. */
export const reader = (said: (message: unknown) => void): ((bytes: Uint8Array) => void) => {
  let rest = new Uint8Array(0)
  return (bytes) => {
    const all = new Uint8Array(rest.length + bytes.length)
    all.set(rest)
    all.set(bytes, rest.length)
    let from = 0
    while (all.length - from >= 4) {
      const length = new DataView(all.buffer, from).getUint32(0)
      if (all.length - from - 4 < length) break
      said(deserialize(all.slice(from + 4, from + 4 + length)))
      from += 4 + length
    }
    rest = all.slice(from)
  }
}
