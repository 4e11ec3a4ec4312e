/**
 * The digest of a run: one hash over all that it delivered, so that two runs can be compared by 64 characters.
 *
 * ```text
 * h(0) = 32 zero bytes        h(i) = SHA-256( h(i-1) ‖ SHA-256(columns of batch i) )
 * ```
 *
 * Columns go in by name, in the order of their names, each with its name, element type and shape in front of its bytes.
 * The batches' own hashes can be made anywhere and at any time; the chain takes them in the order of the plan, so the
 * digest is the same whichever batch was ready first.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { decodeHex, encodeHex } from "effect/Encoding"
import { bytesOf } from "../../core/CanonicalBytes.ts"
import { GatheredHash } from "../../core/GatheredHash.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { wellFormed } from "../../core/NameHash.ts"
import { isRecord } from "../../core/Record.ts"
import { sha256Stream } from "../../core/runtime.ts"
import { shown } from "../../core/Show.ts"
import { isTypedArray, Tensor } from "../../core/Tensor.ts"

/**
 * A column holds what has no bytes of its own, such as a function.
 *
 * @category errors
 * @since 0.1.0
 */
export class DigestError extends Data.TaggedError("DigestError")<{
  readonly column: string
  readonly found: string
}> {
  /** What hashing columns threw, as this error: columns of a caller's own making can have fields that throw. */
  static from(thrown: unknown): DigestError {
    return thrown instanceof DigestError ? thrown : new DigestError({ column: "", found: shown(thrown) })
  }

  override get message(): string {
    return (
      `column "${this.column}" holds ${this.found}, which cannot be digested; ` +
      "collate to tensors, strings, numbers or records of these, or run without a digest"
    )
  }
}

/**
 * The 32 bytes that a batch's columns hash to. Throws {@link DigestError} for a column that has no bytes.
 *
 * @category hashing
 * @since 0.1.0
 */
export const ofColumns = (columns: unknown): Uint8Array => {
  const hash = new GatheredHash()
  absorb(hash, "", columns)
  return hash.digest()
}

/** Each entry is led by its length, so that no two different rows of entries run together to the same bytes. */
const text = (hash: GatheredHash, value: string): void => {
  hash.text(`${value.length}:`).text(wellFormed(value))
}

/** Records this deep are taken for ones that hold themselves. */
const DEEPEST = 64

const absorb = (hash: GatheredHash, name: string, value: unknown, depth = 0): void => {
  if (depth > DEEPEST) throw new DigestError({ column: name.slice(0, 80), found: "records within records without end" })
  if (value instanceof Tensor) {
    text(hash, `${name} ${value.dtype} [${value.shape.join(",")}]`)
    hash.bytes(bytesOf(value.data))
  } else if (isTypedArray(value)) {
    absorb(hash, name, new Tensor(value, [value.length]), depth + 1)
  } else if (Array.isArray(value)) {
    text(hash, `${name} list [${value.length}]`)
    value.forEach((item: unknown, place) => {
      if (typeof item === "string") text(hash, item)
      else absorb(hash, `${name}[${place}]`, item, depth + 1)
    })
  } else if (isRecord(value)) {
    const names = Object.keys(value).toSorted()
    text(hash, `${name} record [${names.length}]`)
    for (const own of names) absorb(hash, name === "" ? own : `${name}.${own}`, value[own], depth + 1)
  } else if (typeof value === "string") {
    text(hash, `${name} string`)
    text(hash, value)
  } else if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint" || value == null) {
    // -0 prints as 0, yet is another number.
    text(hash, `${name} ${typeof value} ${Object.is(value, -0) ? "-0" : String(value)}`)
  } else {
    const found =
      typeof value === "object" ? `a ${value.constructor?.name || "thing of no named class"}` : `a ${typeof value}`
    throw new DigestError({ column: name, found })
  }
}

/**
 * Returns the digest of a run behind one more batch of these columns; that of no batch is 64 zeros. Throws
 * {@link DigestError} for a column that has no bytes, and `InvalidOption` unless `digest` is 64 hexadecimal digits.
 *
 * @category hashing
 * @since 0.1.0
 */
export const append = (digest: string, columns: unknown): string =>
  hex(sha256Stream().update(fromHex(digest)).update(ofColumns(columns)).digest())

/** Bytes as hexadecimal digits. @category conversions @since 0.1.0 */
export const hex = (bytes: Uint8Array): string => encodeHex(bytes)

/** The 32 bytes of a digest. Throws `InvalidOption` unless it is 64 hexadecimal digits. @category conversions @since 0.1.0 */
export const fromHex = (digest: string): Uint8Array => {
  const bytes = typeof digest === "string" && digest.length === 64 ? decodeHex(digest) : undefined
  if (bytes !== undefined && Either.isRight(bytes)) return bytes.right
  throw new InvalidOption({ option: "digest", value: digest, expected: "64 hexadecimal digits" })
}
