/** A program that opens a folder of checkpoints, and does not close it. */
import { Checkpoint } from "../../../src/index.ts"

const checkpoints = await Checkpoint.open({ directory: process.argv[2] ?? "" })
console.log((await checkpoints.list()).length)
