/** Answers each line with how many there were. */
import { createInterface } from "node:readline"

let units = 0
console.log("{}")
for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify({ units: ++units }))
