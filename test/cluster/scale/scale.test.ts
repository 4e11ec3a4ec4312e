/** The figures of docs/scale.md, on a smaller scale. */
import { expect, test } from "bun:test"
import { digestOf, measure, type Scale } from "./measure.ts"

const scale: Scale = { loaders: 2, runners: 20, workers: 100, batches: 300, rests: 0 }

test("a batch takes two messages, a connection four, however many runners and workers there are", async () => {
  const { connections, cursor, digests, kinds, built } = await measure(scale)
  const messages = (kind: string): number => kinds[kind]?.messages ?? 0
  expect(connections).toBe(40)
  for (const kind of ["hello", "welcome", "open", "ready"]) expect([kind, messages(kind)]).toEqual([kind, 40])
  expect([messages("build"), messages("built")]).toEqual([built, built])
  const others = Object.keys(kinds).filter(
    (kind) => !["hello", "welcome", "open", "ready", "build", "built", "alive"].includes(kind)
  )
  expect(others).toEqual([])
  expect(cursor).toBeLessThan(1024)
  expect(digests).toEqual([await digestOf(0, scale), await digestOf(1, scale)])
}, 120_000)
