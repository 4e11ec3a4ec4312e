import { expect, test } from "bun:test"
import { Effect } from "effect"
import { Workers } from "../../../src/index.ts"

const counted = (count: number) =>
  Effect.runSync(Effect.either(Workers.Workers.pipe(Effect.provide(Workers.fibers({ workers: count })))))

test("fibers, as many as were asked for", () => {
  expect(counted(4)).toMatchObject({ right: { backend: { name: "fibers" }, count: 4 } })
  expect(counted(Workers.MAX)).toMatchObject({ right: { count: 4096 } })
})

test.each([0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, 4097])("%s workers are refused", (count) => {
  expect(counted(count)).toMatchObject({ left: { _tag: "InvalidOption", option: "workers", value: count } })
})
