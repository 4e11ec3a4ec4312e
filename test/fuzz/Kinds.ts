/** All that is damaged: files of all formats, and what arrives over a network. */
import { spawnSync } from "node:child_process"
import { answers, python } from "./Answers.ts"
import { type Kind, runCase } from "./Case.ts"
import { orders } from "./Orders.ts"
import { type Subject, subjects } from "./Subjects.ts"
import { frames, requests } from "./Wire.ts"

/**
 * MB that a case may take beside what the process had before: Parquet's decoder has its own bound; the others may take twice
 * their 16 MiB for each of bytes, what they were decompressed to, and rows, and the engine's garbage.
 */
const megabytes = ({ name }: Subject): number => (name.includes("parquet") ? 3.5 * 1024 : 256)

const file = (subject: Subject): Kind => ({
  name: subject.name,
  megabytes: megabytes(subject),
  run: (seed, number) => runCase(subject, seed, number)
})

const hasPython = spawnSync("python3", ["-c", "import numpy"]).status === 0

export const kinds: ReadonlyArray<Kind> = [
  ...subjects.map(file),
  frames,
  requests,
  answers,
  orders,
  ...(hasPython ? [python] : [])
]
