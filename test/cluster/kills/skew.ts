/** Loaded before a program: its clock is wrong by so many milliseconds as SKEW says. */
import process from "node:process"

const skew = Number(process.env["SKEW"] ?? 0)
const now = Date.now.bind(Date)
Date.now = () => now() + skew
