import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { type Pinned, SharedBlocks } from "../../../src/sources/shards/SharedBlocks.ts"

const BLOCKS = 12
const PAGE = 4096

/** What is in a block, which tells it from others and from its own earlier self. */
const partsOf = (block: number, pages: number, mark: number): ReadonlyArray<Uint8Array> => [
  Uint8Array.of(block, mark & 255, mark >> 8),
  new Uint8Array(pages * PAGE - 64).fill(block)
]

const made = (pages: number, threads = 3, keepsFinished = true) => {
  const owner = SharedBlocks.make({ blocks: BLOCKS, bytes: pages * PAGE, threads, keepsFinished })
  if (owner === undefined) throw new Error("no memory can be shared")
  return { owner, threads: Array.from({ length: threads }, (_, thread) => new SharedBlocks(owner.buffer, thread)) }
}

const put = (memory: SharedBlocks, block: number, pages: number, mark = 0, rows = 10): Pinned | undefined => {
  const slot = memory.claim(block)
  if (typeof slot !== "number") throw new Error(`block ${block} cannot be claimed: ${slot}`)
  return memory.fill(slot, partsOf(block, pages, mark), rows)
}

/** A step of a thread. `die` ends it, with what it holds, and begins another one in its place. */
const steps = fc.array(
  fc.record({
    thread: fc.nat({ max: 2 }),
    block: fc.nat({ max: BLOCKS - 1 }),
    pages: fc.integer({ min: 1, max: 3 }),
    how: fc.constantFrom("claim", "claim", "fill", "fill", "pin", "pin", "unpin", "unpin", "given", "abandon", "die")
  }),
  { maxLength: 80 }
)

/** What a thread holds, by the test's own account. */
interface Held {
  readonly claimed: Map<number, number>
  readonly pinned: Map<number, { readonly pin: Pinned; readonly mark: number }>
}

describe("shared blocks", () => {
  test("pinned blocks stay as they were filled, whatever threads do and wherever they die; nothing is lost for good", () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 2, max: 9 }), fc.boolean(), (all, pages, keeps) => {
        const { owner, threads } = made(pages, 3, keeps)
        const held: Array<Held> = threads.map(() => ({ claimed: new Map(), pinned: new Map() }))
        /** What each block was last filled with. */
        const marks = new Map<number, number>()
        let mark = 0
        for (const { block, how, pages: own, thread } of all) {
          const memory = threads[thread] as SharedBlocks // as many as held
          const mine = held[thread] as Held
          const slot = mine.claimed.get(block)
          const pin = mine.pinned.get(block)
          if (how === "claim") {
            const claim = memory.claim(block)
            const isClaimed = held.some(({ claimed }) => claimed.has(block))
            expect(owner.isClaimed(block)).toBe(isClaimed || typeof claim === "number")
            if (typeof claim === "number") {
              expect(isClaimed).toBe(false)
              mine.claimed.set(block, claim)
            } else if (claim !== "full") expect(claim).toBe(isClaimed ? "claimed" : "kept")
          } else if (how === "fill" && slot !== undefined) {
            const filled = memory.fill(slot, partsOf(block, own, ++mark), 5)
            mine.claimed.delete(block)
            if (filled === undefined) expect(memory.pin(block)).toBeUndefined()
            else {
              marks.set(block, mark)
              mine.pinned.set(block, { pin: filled, mark })
            }
          } else if (how === "abandon" && slot !== undefined) {
            memory.abandon(slot)
            mine.claimed.delete(block)
          } else if (how === "pin" && pin === undefined) {
            const pinned = memory.pin(block)
            if (pinned !== undefined) mine.pinned.set(block, { pin: pinned, mark: marks.get(block) ?? -1 })
          } else if (how === "unpin" && pin !== undefined) {
            memory.unpin(pin.pin.slot)
            mine.pinned.delete(block)
          } else if (how === "given" && pin !== undefined) memory.given(pin.pin.slot, 2)
          else if (how === "die") {
            owner.release(thread)
            mine.claimed.clear()
            mine.pinned.clear()
          }
          for (const { pinned } of held) {
            for (const [own, { mark, pin }] of pinned) {
              const [head, body] = owner.parts(pin.slot)
              expect(Array.from(head ?? [])).toEqual([own, mark & 255, mark >> 8])
              expect([body?.at(0), body?.at(-1)]).toEqual([own, own])
            }
          }
          expect(owner.stats().bytes).toBeLessThanOrEqual(pages * PAGE)
        }
        // Once all are gone, everything can be used again.
        for (const thread of threads.keys()) owner.release(thread)
        const [memory] = threads
        for (let block = 0; block < BLOCKS; block++) {
          const known = memory?.claim(block)
          if (typeof known !== "number") continue
          const filled = memory?.fill(known, partsOf(block, Math.min(pages, 3), 1), 1)
          expect(filled).toBeDefined()
          if (filled !== undefined) memory?.unpin(filled.slot)
        }
      }),
      { numRuns: 300 }
    )
  })

  test("a thread that ends while it holds the lock does not keep the others from it", () => {
    const { owner, threads } = made(4)
    const [first, second] = threads
    // As the thread that took it leaves it: `release` knows its number.
    new Int32Array(owner.buffer)[0] = 1
    owner.release(0)
    expect(typeof second?.claim(3)).toBe("number")
    expect(first?.claim(3)).toBe("claimed")
  })

  test("used-up blocks go first, then those that were not used for the longest time; what is read stays", () => {
    const { threads } = made(3)
    const [memory] = threads
    if (memory === undefined) throw new Error("there is a thread")
    for (const block of [0, 1, 2]) {
      const pinned = put(memory, block, 1)
      if (pinned === undefined) throw new Error("there is room")
      if (block === 1) memory.given(pinned.slot, 10)
      if (block !== 0) memory.unpin(pinned.slot)
    }
    const kept = () =>
      Array.from({ length: BLOCKS }, (_, block) => block).filter((block) => {
        const pinned = memory.pin(block)
        if (pinned !== undefined && block !== 0) memory.unpin(pinned.slot)
        return pinned !== undefined
      })
    expect(kept()).toEqual([0, 1, 2])
    for (const [block, left] of [
      [3, [0, 2, 3]],
      [4, [0, 3, 4]]
    ] as const) {
      const pinned = put(memory, block, 1)
      if (pinned !== undefined) memory.unpin(pinned.slot)
      expect(kept()).toEqual([...left])
    }
    // Block 0 is read, so three pages in a row cannot be had; and more than there are never can.
    expect(put(memory, 5, 3)).toBeUndefined()
    expect(put(memory, 6, 4)).toBeUndefined()
    expect(memory.claim(5)).not.toBe("claimed")
  })

  test("whoever waits for a block is woken when it is there, is given up, or its thread dies", async () => {
    const { owner, threads } = made(4)
    const [first, second] = threads
    if (first === undefined || second === undefined) throw new Error("there are threads")
    expect(second.settled(0)).toBeUndefined()
    for (const end of [
      (slot: number) => void first.fill(slot, partsOf(0, 1, 1), 1),
      (slot: number) => first.abandon(slot),
      () => owner.release(0)
    ]) {
      const block = [0, 1, 2].find((own) => second.pin(own) === undefined && !second.isClaimed(own)) ?? 0
      const slot = first.claim(block)
      if (typeof slot !== "number") throw new Error(`it is ${slot}`)
      const woken = second.settled(block)
      expect(woken).toBeDefined()
      end(slot)
      expect(await woken).toBe("ok")
      expect(second.settled(block)).toBeUndefined()
    }
  })

  test("counts the blocks that were decoded, and those that had been before", () => {
    const { owner, threads } = made(1)
    const [memory] = threads
    if (memory === undefined) throw new Error("there is a thread")
    for (const block of [0, 1, 0]) memory.unpin(put(memory, block, 1)?.slot ?? 0)
    expect(owner.stats()).toEqual({ decoded: 3, again: 1, bytes: PAGE })
  })

  test("counts none of the next epoch, of blocks of which others read the rest", () => {
    const { owner, threads } = made(2)
    const [memory] = threads
    if (memory === undefined) throw new Error("there is a thread")
    for (let at = 0; at < 3 * BLOCKS; at++) memory.unpin(put(memory, at % BLOCKS, 1)?.slot ?? 0)
    expect(owner.stats()).toMatchObject({ decoded: 3 * BLOCKS, again: 0 })
  })
})
