/**
 * Text of many bytes at once.
 *
 * Bun's engine keeps text of U+0000 to U+00FF in one byte a character, as V8 does, but its decoder gives two bytes a character to
 * any text that is not ASCII, and so have all texts that are cut or parsed from it. The kernel takes as long as the decoder, for
 * half the memory.
 *
 * @since 0.1.0
 */
import { Buffer, isAscii } from "node:buffer"
import { runtime } from "../core/runtime.ts"
import { textOf as decoded } from "../core/Utf8.ts"
import type { Arena } from "./Arena.ts"
import { type Kernels, kernels } from "./Kernels.ts"

/** A copy of less does not pay. */
const LEAST = 2 ** 10
/** More would keep too much memory. What is given back is taken again only for the same length. */
const MOST = 2 ** 18
/** At most so many texts are not tried after one that goes beyond U+00FF, as those behind it then mostly do. */
const MOST_PASSED = 64

let passed = 0
let passing = 0

/** Returns the text of bytes, with a U+FFFD for what is not UTF-8. @since 0.1.0 */
export const textOf: (bytes: Uint8Array) => string =
  runtime.name === "bun" ? (bytes) => (isAscii(bytes) ? decoded(bytes) : wideTextOf(bytes)) : decoded

/** The same of bytes that are not all ASCII. @since 0.1.0 */
export const wideTextOf: (bytes: Uint8Array) => string =
  runtime.name === "bun" ? (bytes) => narrow(bytes) ?? decoded(bytes) : decoded

/** The text, if one byte a character is enough for it and it is worth the while. */
const narrow = (bytes: Uint8Array): string | undefined => {
  const { length } = bytes
  if (length < LEAST || length > MOST) return undefined
  if (passed < passing) {
    passed++
    return undefined
  }
  const own = kernels()
  const text = own && latin1(own, bytes)
  passed = 0
  passing = text === undefined ? Math.min(2 * passing + 1, MOST_PASSED) : 0
  return text
}

/**
 * Returns memory for `length` bytes whose text will be asked for; they hold anything. It lies where the kernel works, if there is
 * one, so that nothing is copied there, and is not given back.
 *
 * @since 0.1.0
 */
export const memoryForText = (length: number): Uint8Array => {
  const arena = runtime.name === "bun" ? kernels()?.arena : undefined
  const address = arena?.take(length)
  if (arena === undefined || address === undefined) return new Uint8Array(length)
  return arena.bytes.subarray(address, address + length)
}

let view: Buffer<ArrayBufferLike> = Buffer.alloc(0)

const viewOf = ({ bytes: { buffer } }: Arena): Buffer<ArrayBufferLike> => {
  if (view.buffer !== buffer) view = Buffer.from(buffer)
  return view
}

/**
 * Returns the text of bytes in UTF-8 with one byte a character; `undefined` if a character is beyond U+00FF, or they are not UTF-8.
 *
 * @since 0.1.0
 */
export const latin1 = (own: Kernels, bytes: Uint8Array): string | undefined => {
  const { arena } = own
  const { length } = bytes
  const there = arena.addressOf(bytes)
  const source = there ?? arena.take(MOST)
  const target = arena.take(MOST)
  try {
    if (source === undefined || target === undefined) return undefined
    if (there === undefined) arena.bytes.set(bytes, source)
    const size = own.latin1(source, length, target)
    return size < 0 ? undefined : viewOf(arena).toString("latin1", target, target + size)
  } finally {
    if (there === undefined && source !== undefined) arena.give(source, MOST)
    if (target !== undefined) arena.give(target, MOST)
  }
}
