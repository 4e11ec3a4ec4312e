/** Several processes of one fiber each: what threads have to come near. They share nothing and wait for nobody. */
import type { Contestant } from "../measure.ts"
import { programArgs } from "../runtimes.ts"
import { inProcess } from "./Process.ts"

const program = new URL("./oneFiber.ts", import.meta.url)

/** `count` processes that build `batches` each at every turn, all at once. */
export const processes = (count: number, load: "w1" | "w2", batches: number): Contestant => {
  const name = `${count} process${count === 1 ? "" : "es"} of one fiber`
  const all = Array.from({ length: count }, (_, at) =>
    inProcess(`${name}, number ${at}`, process.execPath, [...programArgs(program), load, String(batches)])
  )
  return {
    name,
    open: async () => {
      await Promise.all(all.map(({ open }) => open?.()))
    },
    before: async () => {
      await Promise.all(all.map(({ before }) => before?.()))
    },
    run: async () => {
      const units = await Promise.all(all.map(({ run }) => run()))
      return units.reduce((sum, own) => sum + own, 0)
    },
    close: async () => {
      await Promise.all(all.map(({ close }) => close?.()))
    }
  }
}
