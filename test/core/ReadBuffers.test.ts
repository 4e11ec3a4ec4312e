import { describe, expect, test } from "bun:test"
import { bytesFreed, giveBack, take } from "../../src/core/ReadBuffers.ts"

const MB = 2 ** 20

describe("memory for reads", () => {
  test("is freed once it is given back, and views of it are empty by then", () => {
    const first = take(3 * MB)
    const view = first.subarray(5, 9)
    const numbers = new Float32Array(first.buffer, 8, 2)
    const before = bytesFreed()
    first.fill(7)
    giveBack(view)
    expect([first.length, view.length, view[0], numbers.length]).toEqual([0, 0, undefined, 0])
    expect(bytesFreed() - before).toBe(3 * MB)
    giveBack(first)
    expect(bytesFreed() - before).toBe(3 * MB)
  })

  test("has the length that was asked for, and begins where its buffer does", () => {
    for (const length of [0, 1, 100, MB, 3 * MB + 5]) {
      const { buffer, byteLength, byteOffset } = take(length)
      expect([byteLength, byteOffset, buffer.byteLength]).toEqual([length, 0, length])
    }
  })

  test("memory of others, and what is too small to be worth it, is left alone", () => {
    const before = bytesFreed()
    const others = [new Uint8Array(MB), take(100), new Uint8Array(new SharedArrayBuffer(MB))]
    for (const own of others) giveBack(own)
    expect(others.map(({ length }) => length)).toEqual([MB, 100, MB])
    expect(bytesFreed()).toBe(before)
  })
})
