/**
 * Where records lie in some bytes.
 *
 * @since 0.1.0
 */

import { giveBack, take } from "../../../core/ReadBuffers.ts"
import type { Characters } from "./Characters.ts"

/** The records that were found, in their order. @since 0.1.0 */
export class Spans {
  /** The first byte of each; behind the last one, anything. */
  starts: Uint32Array
  /** The byte behind the last one of each, without what ends it. */
  ends: Uint32Array
  count = 0
  /** How many bytes the records take, with what ends them: what is behind belongs to a record that goes on. */
  consumed = 0
  /** Whether there is a newline within one of them. */
  hasNewlines = false
  /** Why the last record, which begins at `start`, is not whole although no bytes follow. It is not among the others. */
  unended: { readonly start: number; readonly reason: string } | undefined

  /** With room for so many records at first. */
  constructor(room = 256) {
    this.starts = numbers(room)
    this.ends = numbers(room)
  }

  add(start: number, end: number): void {
    if (this.count === this.starts.length) {
      this.starts = doubled(this.starts)
      this.ends = doubled(this.ends)
    }
    this.starts[this.count] = start
    this.ends[this.count++] = end
  }

  /** Gives their memory back: none of the records is asked for any more. */
  release(): void {
    giveBack(this.starts)
    giveBack(this.ends)
  }
}

/** Memory for so many numbers, which holds anything. What lives as long as a block is garbage until a full collection. */
const numbers = (count: number): Uint32Array => new Uint32Array(take(4 * count).buffer, 0, count)

const doubled = (array: Uint32Array): Uint32Array => {
  const own = numbers(2 * array.length)
  own.set(array)
  giveBack(array)
  return own
}

/**
 * Finds the records in bytes that begin where a record may begin. Unless the bytes are the last ones, what is not known to
 * be whole is left.
 *
 * @since 0.1.0
 */
export type Split = (characters: Characters, isLast: boolean) => Spans

const NEWLINE = 10
const RETURN = 13

/** Whether bytes are spaces, tabs and returns only. @since 0.1.0 */
export const isBlank = (characters: Characters, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const byte = characters.code(at)
    if (byte !== 32 && byte !== 9 && byte !== RETURN) return false
  }
  return true
}

/** The end of a line that begins at `start`: a return is part of its end only before a newline. */
const lineEnd = (characters: Characters, start: number, newline: number): number =>
  newline > start && newline < characters.length && characters.code(newline - 1) === RETURN ? newline - 1 : newline

/** Lines that `\n` or `\r\n` ends; the last one may lack it. @since 0.1.0 */
export const lines =
  (blank: "keep" | "skip"): Split =>
  (characters, isLast) => {
    // Lines of text have some hundred bytes.
    const spans = new Spans(Math.max(256, characters.length >> 7))
    let at = 0
    while (at < characters.length) {
      let newline = characters.indexOf(NEWLINE, at)
      if (newline === -1) {
        if (!isLast) break
        newline = characters.length
      }
      const end = lineEnd(characters, at, newline)
      if (blank === "keep" || !isBlank(characters, at, end)) spans.add(at, end)
      at = newline + 1
    }
    spans.consumed = Math.min(at, characters.length)
    return spans
  }

/** Paragraphs: lines between blank lines. @since 0.1.0 */
export const paragraphs: Split = (characters, isLast) => {
  const spans = new Spans()
  let at = 0
  let start = -1
  let end = 0
  while (at < characters.length) {
    let newline = characters.indexOf(NEWLINE, at)
    if (newline === -1) {
      if (!isLast) break
      newline = characters.length
    }
    if (!isBlank(characters, at, newline)) {
      if (start === -1) start = at
      end = lineEnd(characters, at, newline)
    } else if (start !== -1) {
      spans.add(start, end)
      start = -1
    }
    at = newline + 1
    if (start === -1) spans.consumed = Math.min(at, characters.length)
  }
  if (isLast) {
    if (start !== -1) spans.add(start, end)
    spans.consumed = characters.length
  }
  return spans
}

/** So many bytes a record, whatever they are; the last one may have fewer. @since 0.1.0 */
export const windows =
  (bytes: number): Split =>
  ({ length }, isLast) => {
    const spans = new Spans()
    let at = 0
    for (; at + bytes <= length; at += bytes) spans.add(at, at + bytes)
    if (isLast && at < length) spans.add(at, length)
    spans.consumed = isLast ? length : at
    return spans
  }
