import { expect, test } from "bun:test"
import { Effect } from "effect"
import type { BuiltBatch, Failure, OpenBackend, RequestedBatch } from "../../../src/scheduler/backends/Backend.ts"
import { MovableBatches } from "../../../src/scheduler/backends/MovableBatch.ts"

const WORKERS = 2

/** A backend that notes what is requested of it and what it builds; as a hash its batches have the backend's number. */
const backend = (number: number, isLazy: boolean) => {
  const requested: Array<number> = []
  const built: Array<number> = []
  const content = (batch: number): BuiltBatch => {
    built.push(batch)
    return { batch: undefined, hash: Uint8Array.of(number) }
  }
  const own: OpenBackend = {
    request: ({ batch }, arrived) => {
      requested.push(batch)
      arrived()
      return {
        isLazy,
        isPending: () => false,
        want: () => undefined,
        take: () => (isLazy ? undefined : content(batch)),
        ...(isLazy ? { build: () => content(batch) } : {}),
        content: Effect.sync(() => content(batch))
      }
    },
    poll: () => undefined
  }
  return { own, requested, built }
}

/** What gives a batch, whatever it requires: here, nothing. */
const contentOf = ({ content }: RequestedBatch): BuiltBatch =>
  Effect.runSync(content as Effect.Effect<BuiltBatch, Failure>)

test("a batch is requested anew where its run moves to, if it is not begun and not among the next ones", () => {
  const fibers = backend(1, true)
  const threads = backend(2, false)
  const movable = new MovableBatches()
  const arrived: Array<number> = []
  const requests = Array.from({ length: 10 }, (_, batch) => {
    const coordinates = { epoch: 0, batch, worker: batch % WORKERS }
    const arrives = (): void => void arrived.push(batch)
    return movable.of(
      coordinates,
      arrives,
      fibers.own.request(coordinates, () => undefined)
    )
  })
  const [first, second] = requests as [RequestedBatch, RequestedBatch] // there are ten
  expect(first.build?.()?.hash).toEqual(Uint8Array.of(1))
  expect(contentOf(second).hash).toEqual(Uint8Array.of(1))
  movable.moveTo(threads.own)
  // One of each worker gives threads the time to warm up.
  expect(threads.requested).toEqual([4, 5, 6, 7, 8, 9])
  expect(arrived).toEqual([4, 5, 6, 7, 8, 9])
  expect(requests.map(({ isLazy }) => isLazy)).toEqual([...Array(4).fill(true), ...Array(6).fill(false)])
  const taken = requests.slice(2).map((own) => own.take() ?? own.build?.() ?? contentOf(own))
  expect(taken.map(({ hash }) => hash?.[0])).toEqual([1, 1, 2, 2, 2, 2, 2, 2])
  expect(fibers.built).toEqual([0, 1, 2, 3])
  expect(threads.built).toEqual([4, 5, 6, 7, 8, 9])
})

test("a batch that is moved just before it is begun comes from where it was moved to", () => {
  const fibers = backend(1, true)
  const threads = backend(2, false)
  const movable = new MovableBatches()
  const requests = Array.from({ length: 4 }, (_, batch) => {
    const coordinates = { epoch: 0, batch, worker: 0 }
    return movable.of(
      coordinates,
      () => undefined,
      fibers.own.request(coordinates, () => undefined)
    )
  })
  const last = requests[3] as RequestedBatch // there are four
  const { build, content } = last
  movable.moveTo(threads.own)
  expect(build?.()).toBeUndefined()
  expect(contentOf({ ...last, content }).hash).toEqual(Uint8Array.of(2))
  expect(fibers.built).toEqual([])
})

test("a batch that is being built elsewhere stays there", () => {
  const [threads, others] = [backend(1, false), backend(2, false)]
  const movable = new MovableBatches()
  for (let batch = 0; batch < 4; batch++) {
    const coordinates = { epoch: 0, batch, worker: 0 }
    const own = threads.own.request(coordinates, () => undefined)
    expect(movable.of(coordinates, () => undefined, own)).toBe(own)
  }
  movable.moveTo(others.own)
  expect(others.requested).toEqual([])
})
