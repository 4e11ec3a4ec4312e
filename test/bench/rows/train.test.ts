import { expect, test } from "bun:test"
import { spentOf } from "./train.ts"

test("the command's time is read from its summary", () => {
  const summary =
    "Done.\n  time           11.0 s: 0.31 s waiting for data, 10.3 s in the model\n  digest         6ec2\n"
  expect(spentOf(summary)).toEqual({ all: 11, waiting: 0.31 })
  expect(spentOf("Done.\n  digest         6ec2\n")).toBeUndefined()
})
