/** Writes tars, sound and otherwise. */

export interface Entry {
  readonly name: string
  readonly body?: string | Uint8Array
  /** The type flag. Default `"0"`. */
  readonly type?: string
  /** What the header says of its size, in place of the body's. */
  readonly size?: string
  /** The magic. Default POSIX's. */
  readonly magic?: string
  readonly prefix?: string
  /** Changes the header before its checksum is made. */
  readonly change?: (header: Uint8Array) => void
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

export const bytesOf = (body: string | Uint8Array): Uint8Array => (typeof body === "string" ? encode(body) : body)

export const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const padded = (bytes: Uint8Array): Uint8Array => joined([bytes, new Uint8Array(-bytes.length & 511)])

/** A header and its payload. */
export const entry = ({
  body = "",
  change,
  magic = "ustar\0" + "00",
  name,
  prefix = "",
  size,
  type = "0"
}: Entry): Uint8Array => {
  const payload = bytesOf(body)
  const header = new Uint8Array(512)
  const put = (at: number, text: string) => header.set(encode(text), at)
  put(0, name)
  put(100, "0000644\0")
  put(124, size ?? `${payload.length.toString(8).padStart(11, "0")}\0`)
  put(136, "00000000000\0")
  put(156, type)
  put(257, magic)
  put(345, prefix)
  change?.(header)
  put(148, "        ")
  const sum = header.reduce((total, byte) => total + byte, 0)
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `)
  return joined([header, padded(payload)])
}

/** A pax record. */
export const record = (key: string, value: string): string => {
  const rest = encode(` ${key}=${value}\n`).length
  const length = [1, 2, 3, 4, 5].map((digits) => rest + digits).find((own) => String(own).length === own - rest)
  return `${length} ${key}=${value}\n`
}

/** A pax header of these records. */
export const pax = (...records: ReadonlyArray<readonly [key: string, value: string]>): Entry => ({
  name: "./PaxHeaders/x",
  type: "x",
  body: records.map(([key, value]) => record(key, value)).join("")
})

export const END = new Uint8Array(1024)

/** An archive with its end. */
export const tarOf = (...entries: ReadonlyArray<Entry>): Uint8Array => joined([...entries.map(entry), END])
