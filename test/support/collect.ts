/** Collects garbage, on any runtime, until finalizers have had their turn. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

const collector = (): (() => void) => {
  if (typeof Bun !== "undefined") return () => Bun.gc(true)
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc")
}

const now = collector()

export const collect = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) {
    now()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
