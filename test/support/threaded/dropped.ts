/** Takes from an iterator on threads, and drops it without closing it. How often is in FURROW_TEST_TAKEN. */
import { Dataset, Pipeline, Scheduler, Workers } from "../../../src/index.ts"

export const pipeline = Pipeline.from(Dataset.range(40)).pipe(
  Pipeline.map("as it is", (x) => x),
  Pipeline.batch(4)
)

// Its guard holds on each runtime.
if (import.meta.main) {
  const { decoded } = await import("./native.ts")
  const taken = Number(process.env["FURROW_TEST_TAKEN"] ?? 1)
  const what = process.env["FURROW_TEST_CASE"]
  const timed = what === "timed" ? ({ timeout: "1 minute" } as const) : {}
  const threads = what === "threads" ? 2 : 1
  const iterable: AsyncIterable<unknown> =
    what === "native"
      ? Scheduler.iterate(
          decoded,
          Workers.threads({ workers: 2, threads, pipeline: new URL("./native.ts", import.meta.url), name: "decoded" }),
          { epochs: 1 }
        )
      : Scheduler.iterate(
          pipeline,
          what === "fibers"
            ? Workers.fibers({ workers: 2 })
            : Workers.threads({ workers: 2, threads, pipeline: import.meta.url, ...timed }),
          { epochs: 1 }
        )
  const iterator = iterable[Symbol.asyncIterator]()
  for (let at = 0; at < taken; at++) {
    await iterator.next()
    console.log("taken")
  }
  if (what === "pending") void iterator.next().then(() => console.log("answered"))
}
