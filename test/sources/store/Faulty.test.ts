import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { Store } from "../../../src/index.ts"

const objects = { a: "0123456789", b: "x" }
const location = "memory://a"

type Faults = (call: Store.FaultyCall) => Store.Fault | undefined

/** Runs with these faults, and with reads joined and repeated in front of them where options are given. */
const use = <A, E>(
  faults: Faults,
  effect: (store: Store.StoreService) => Effect.Effect<A, E>,
  options?: Store.ReadingOptions
): Promise<A> => {
  const faulty = Store.faulty(faults).pipe(Layer.provide(Store.memory(objects)))
  const layer = options === undefined ? faulty : Store.reading(options).pipe(Layer.provide(faulty))
  return Effect.runPromise(Effect.provide(Effect.flatMap(Store.Store, effect), layer))
}

const read =
  (offset: number, length: number) =>
  (store: Store.StoreService): Effect.Effect<string, Store.StoreError> =>
    Effect.flatMap(store.stat({ location }), (info) =>
      Effect.map(store.read(info, offset, length), (bytes) => Buffer.from(bytes).toString())
    )

/** Faults of reads alone, by the number of the read. */
const ofReads = (fault: (number: number) => Store.Fault | undefined): Faults => {
  let reads = 0
  return ({ method }) => (method === "read" ? fault(reads++) : undefined)
}

describe("Store.faulty", () => {
  test("says of each call which one it is", async () => {
    const calls: Array<Store.FaultyCall> = []
    const noted: Faults = (call) => {
      calls.push(call)
      return undefined
    }
    await use(noted, (store) =>
      Effect.gen(function* () {
        expect(yield* read(2, 3)(store)).toBe("234")
        yield* Stream.runDrain(store.list("memory://"))
        yield* store.write("memory://c", Stream.make(Buffer.from("new")))
        const info = yield* store.stat({ location: "memory://b" })
        yield* Stream.runDrain(store.stream(info))
      })
    )
    expect(
      calls.map(({ length, location: at, method, number, offset }) => [number, method, at, offset, length])
    ).toEqual([
      [0, "stat", location, 0, 0],
      [1, "read", location, 2, 3],
      [2, "list", "memory://", 0, 0],
      [3, "write", "memory://c", 0, 0],
      [4, "stat", "memory://b", 0, 0],
      [5, "read", "memory://b", 0, 1]
    ])
  })

  test.each<readonly [string, Store.Fault, object]>([
    ["reset", { _tag: "reset" }, { kind: "unavailable" }],
    ["short", { _tag: "short", bytes: 2 }, { kind: "short" }],
    ["503", { _tag: "status", status: 503 }, { kind: "unavailable", status: 503 }],
    [
      "429",
      { _tag: "status", status: 429, retryAfter: "2 seconds" },
      { kind: "unavailable", status: 429, retryAfter: 2000 }
    ],
    ["404", { _tag: "status", status: 404 }, { kind: "missing", status: 404 }],
    ["403", { _tag: "status", status: 403 }, { kind: "denied", status: 403 }]
  ])("a fault of a read: %s", async (_, fault, error) => {
    const failed = await use(
      ofReads(() => fault),
      (store) => Effect.flip(read(0, 5)(store))
    )
    expect(failed).toMatchObject({ _tag: "StoreError", location, ...error })
  })

  test("a failed write leaves the object as it was", async () => {
    const faults: Faults = ({ method }) => (method === "write" ? { _tag: "reset" } : undefined)
    await use(faults, (store) =>
      Effect.gen(function* () {
        yield* Effect.flip(store.write(location, Stream.make(Buffer.from("other"))))
        expect(yield* read(0, 10)(store)).toBe("0123456789")
      })
    )
  })

  test("latency is waited for, and a stall can be interrupted", async () => {
    const faults = ofReads((number) => (number === 0 ? { _tag: "latency", duration: "20 millis" } : { _tag: "stall" }))
    await use(faults, (store) =>
      Effect.gen(function* () {
        const [took] = yield* Effect.timed(read(0, 5)(store))
        expect(Number(took.value._tag === "Millis" ? took.value.millis : 20)).toBeGreaterThanOrEqual(19)
        expect(yield* Effect.timeoutOption(read(0, 5)(store), "20 millis")).toMatchObject({ _tag: "None" })
      })
    )
  })
})

describe("Store.reading", () => {
  const retry = Schedule.recurs(3)

  test("repeats what may go better, and says how often it tried", async () => {
    let reads = 0
    const burst = ofReads((number) => {
      reads = number + 1
      if (number === 0) return { _tag: "status", status: 503, retryAfter: "1 millis" }
      if (number === 1) return { _tag: "reset" }
      return number === 2 ? { _tag: "short", bytes: 1 } : undefined
    })
    expect(await use(burst, read(3, 4), { retry })).toBe("3456")
    expect(reads).toBe(4)
    const failed = await use(
      ofReads(() => ({ _tag: "reset" })),
      (store) => Effect.flip(read(0, 1)(store)),
      { retry }
    )
    expect(failed).toMatchObject({ kind: "unavailable", attempts: 4 })
    reads = 0
    const missing = ofReads(() => {
      reads++
      return { _tag: "status", status: 404 }
    })
    expect(await use(missing, (store) => Effect.flip(read(0, 1)(store)), { retry })).toMatchObject({ kind: "missing" })
    expect(reads).toBe(1)
  })

  test("gives a stalled read up, and looks at objects again, too", async () => {
    const stalled = ofReads((number) => (number === 0 ? { _tag: "stall" } : undefined))
    expect(await use(stalled, read(0, 3), { retry, timeout: "20 millis" })).toBe("012")
    let looks = 0
    const flaky: Faults = ({ method }) => (method === "stat" && looks++ === 0 ? { _tag: "reset" } : undefined)
    expect(await use(flaky, read(0, 3), { retry })).toBe("012")
    expect(looks).toBe(2)
  })

  test("joins reads that wait, within its bounds", async () => {
    const ranges: Array<string> = []
    const noted: Faults = ({ length, method, offset }) => {
      if (method === "read") ranges.push(`${offset}+${length}`)
      return undefined
    }
    const all = (own: ReadonlyArray<readonly [number, number]>, options: Store.ReadingOptions) =>
      use(
        noted,
        (store) =>
          Effect.flatMap(store.stat({ location }), (info) =>
            Effect.forEach(own, ([offset, length]) => store.read(info, offset, length), { concurrency: "unbounded" })
          ),
        options
      )
    const parts = await all(
      [
        [0, 2],
        [3, 2],
        [8, 2]
      ],
      { gap: 1 }
    )
    expect(parts.map((own) => Buffer.from(own).toString())).toEqual(["01", "34", "89"])
    expect(ranges.splice(0)).toEqual(["0+5", "8+2"])
    await all(
      [
        [0, 2],
        [3, 2],
        [8, 2]
      ],
      { gap: 10, bytes: 5 }
    )
    expect(ranges.splice(0)).toEqual(["0+5", "8+2"])
  })

  test("a read that is interrupted ends its request, unless others wait for it", async () => {
    let stalls = 0
    const gate = await Effect.runPromise(Deferred.make<void>())
    const waiting: Store.Driver = {
      list: () => Stream.empty,
      stat: (object) => Effect.succeed({ ...object, size: 10, version: "1" }),
      read: (_, __, length) => {
        stalls++
        return Effect.as(Deferred.await(gate), new Uint8Array(length))
      },
      write: (at) => Effect.fail(new Store.StoreError({ location: at, kind: "unsupported", reason: "it is only read" }))
    }
    const layer = Store.reading({ retry }).pipe(Layer.provide(Store.make("slow", waiting)))
    await Effect.runPromise(
      Effect.provide(
        Effect.gen(function* () {
          const store = yield* Store.Store
          const info = yield* store.stat({ location: "slow://a" })
          const [first, second] = yield* Effect.all([
            Effect.fork(store.read(info, 0, 2)),
            Effect.fork(store.read(info, 3, 2))
          ])
          yield* Effect.repeat(Effect.yieldNow(), { until: () => stalls > 0 })
          yield* Fiber.interrupt(first)
          yield* Deferred.succeed(gate, undefined)
          expect((yield* Fiber.join(second)).length).toBe(2)
          expect(stalls).toBe(1)
        }),
        layer
      )
    )
  })
})
