/**
 * Spans across hosts: those of a runner are children of the loader's run.
 */
import { expect, test } from "bun:test"
import { Effect, Exit, Layer, Option, Tracer } from "effect"
import { Runner, Runners, Workers } from "../../src/cluster.ts"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { pipeline } from "./numbers.ts"

const module = new URL("./numbers.ts", import.meta.url).href

interface Made {
  readonly name: string
  readonly spanId: string
  readonly traceId: string
  readonly parent: string | undefined
  readonly attributes: Map<string, unknown>
  ended: boolean
}

/** A tracer as an exporter is one, and its spans. */
const tracing = (first: number) => {
  const made: Array<Made> = []
  const tracer = Tracer.make({
    context: (run) => run(),
    span: (name, parent, context, links, startTime, kind) => {
      const traceId = Option.match(parent, { onNone: () => "a".repeat(32), onSome: (own) => own.traceId })
      const spanId = (first + made.length).toString(16).padStart(16, "0")
      const own: Made = {
        name,
        spanId,
        traceId,
        parent: Option.getOrUndefined(parent)?.spanId,
        attributes: new Map(),
        ended: false
      }
      made.push(own)
      return {
        _tag: "Span",
        name,
        spanId,
        traceId,
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes: own.attributes,
        links,
        sampled: true,
        kind,
        end: (_, exit) => {
          own.ended = Exit.isSuccess(exit)
        },
        attribute: (key, value) => void own.attributes.set(key, value),
        event: () => undefined,
        addLinks: () => undefined
      }
    }
  })
  return { made, tracer }
}

test("a runner's spans are children of the loader's run, one for each batch; without a tracer there are none", async () => {
  const [here, there] = [tracing(0x100), tracing(0x900)]
  const run = (address: string) =>
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipeline({}), { epochs: 1, replay: true })
      yield* loader.forEach(() => Effect.void)
    }).pipe(
      Effect.scoped,
      Effect.provide(SeedPolicy.epochWorker({ seed: 1 })),
      Effect.provide(
        Workers.cluster({ workers: 2, pipeline: module, config: {} }).pipe(Layer.provide(Runners.list([address])))
      )
    )
  await Effect.gen(function* () {
    const { port } = yield* Effect.withTracer(Runner.listen({ pipelines: [module], threads: 0 }), there.tracer)
    yield* run(`127.0.0.1:${port}`)
    expect(there.made).toEqual([])
    yield* Effect.withTracer(run(`127.0.0.1:${port}`), here.tracer)
  }).pipe(Effect.scoped, Effect.runPromise)
  const root = here.made.find(({ name }) => name === "furrow.run")
  const spans = there.made.filter(({ name }) => name === "furrow.runner")
  expect(spans.map(({ attributes }) => attributes.get("batch")).toSorted((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 13 }, (_, batch) => batch)
  )
  for (const { ended, parent, traceId } of spans) {
    expect({ ended, parent, traceId }).toEqual({ ended: true, parent: root?.spanId, traceId: "a".repeat(32) })
  }
})
