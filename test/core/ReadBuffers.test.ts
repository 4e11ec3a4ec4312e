import { describe, expect, test } from "bun:test"
import { bytesWaiting, giveBack, take } from "../../src/core/ReadBuffers.ts"

const MB = 2 ** 20

describe("memory for reads", () => {
  test("is used again once it was given back, and views of it are empty by then", () => {
    const first = take(3 * MB)
    first.fill(7)
    const view = first.subarray(5, 9)
    giveBack(view)
    expect([first.length, view.length, view[0]]).toEqual([0, 0, undefined])
    const waiting = bytesWaiting()
    const second = take(3 * MB - 100)
    expect(second.length).toBe(3 * MB - 100)
    expect(waiting - bytesWaiting()).toBe(second.buffer.byteLength)
    expect(second.buffer.byteLength).toBe(3 * MB)
    const other = take(3 * MB - 100)
    expect(other.buffer).not.toBe(second.buffer)
    giveBack(second)
    giveBack(other)
  })

  test("is given back once, and memory of others is left alone", () => {
    // More than may wait, so all others go.
    giveBack(take(40 * MB))
    const waiting = bytesWaiting()
    expect(waiting).toBe(0)
    const small = take(100)
    const others = [new Uint8Array(MB), small, new Uint8Array(new SharedArrayBuffer(MB))]
    for (const own of others) giveBack(own)
    expect(others.map(({ length }) => length)).toEqual([MB, 100, MB])
    expect(bytesWaiting()).toBe(waiting)
    const own = take(2 * MB)
    giveBack(own)
    giveBack(own)
    expect(bytesWaiting()).toBe(2 * MB)
  })

  test("waits up to a bound", () => {
    const taken = Array.from({ length: 12 }, () => take(3 * MB))
    for (const own of taken) {
      giveBack(own)
      expect(bytesWaiting()).toBeLessThanOrEqual(16 * MB)
    }
    expect(bytesWaiting()).toBeGreaterThan(12 * MB)
    giveBack(take(40 * MB))
    expect(bytesWaiting()).toBeLessThanOrEqual(16 * MB)
  })
})
