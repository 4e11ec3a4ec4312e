import { expect, test } from "bun:test"
import { interleaved } from "../measure.ts"
import { programArgs } from "../runtimes.ts"
import { inProcess } from "./Process.ts"

const program = (name: string) => programArgs(new URL(`../../support/bench/${name}.ts`, import.meta.url))

test("a process takes its turns, and ends when it is closed", async () => {
  const rival = inProcess("rival", process.execPath, program("turns"))
  const turns: Array<number> = []
  const counted = { ...rival, run: async () => turns[turns.push(await rival.run()) - 1] ?? Number.NaN }
  await interleaved([counted], { rounds: 2 })
  expect(turns).toEqual([2, 4, 6]) // it warms up once, and has an untimed turn before each
})

test("a process that ends by itself is an error that names it", async () => {
  const rival = inProcess("rival", process.execPath, program("silent"))
  await expect(interleaved([rival], { rounds: 1 })).rejects.toThrow("rival ended before it answered")
})
