import { describe, expect, test } from "bun:test"
import { Arena } from "../../src/wasm/Arena.ts"
import { Output } from "../../src/wasm/Output.ts"

describe("an output", () => {
  test("gives memory of the kind that is asked for, in the arena", () => {
    const arena = new Arena()
    for (const lends of [false, true]) {
      const output = new Output(arena, lends)
      const floats = output.take(true, 5)
      expect(floats).toBeInstanceOf(Float32Array)
      expect(floats).toHaveLength(5)
      expect(arena.addressOf(floats)).toBeDefined()
      const bytes = output.take(false, 7)
      expect(bytes).toBeInstanceOf(Uint8Array)
      expect(bytes).toHaveLength(7)
      expect(arena.addressOf(bytes)).toBeDefined()
    }
  })

  test("that does not lend uses one place, and copies what is to last", () => {
    const arena = new Arena()
    const output = new Output(arena, false)
    const first = output.take(true, 4)
    first.set([1, 2, 3, 4])
    const kept = output.lasting(first)
    const second = output.take(true, 4)
    expect(second.byteOffset).toBe(first.byteOffset)
    second.fill(9)
    expect(Array.from(kept)).toEqual([1, 2, 3, 4])
    expect(kept.buffer).toBeInstanceOf(ArrayBuffer)
    expect(output.lent()).toEqual([])
  })

  test("that lends copies nothing, gives each time other memory, and says once what it lent", () => {
    const arena = new Arena()
    const output = new Output(arena, true)
    const first = output.take(false, 4)
    const second = output.take(false, 4)
    expect(second.byteOffset).not.toBe(first.byteOffset)
    expect(output.lasting(first)).toBe(first)
    const lent = output.lent()
    expect(lent.map(({ address }) => address)).toEqual([first.byteOffset, second.byteOffset])
    expect(output.lent()).toEqual([])
    for (const place of lent) place.give()
    expect([first.byteOffset, second.byteOffset]).toContain(output.take(false, 4).byteOffset)
  })

  test("without an arena, or without room in it, gives ordinary memory", () => {
    for (const output of [new Output(undefined, true), new Output(undefined, false)]) {
      const pixels = output.take(true, 3)
      expect(pixels.buffer).toBeInstanceOf(ArrayBuffer)
      expect(output.lasting(pixels)).toBe(pixels)
      expect(output.lent()).toEqual([])
    }
    const full = new Arena()
    full.take = () => undefined
    const pixels = new Output(full, true).take(false, 3)
    expect(pixels.buffer).toBeInstanceOf(ArrayBuffer)
  })
})
