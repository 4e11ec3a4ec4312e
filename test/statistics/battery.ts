/**
 * Hands words to a battery's program on its standard input and reads the p-values it prints.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

/** One run of a program: what it reads begins at a row's start. */
export interface Trial {
  readonly name: string
  readonly command: string
  readonly arguments: ReadonlyArray<string>
  readonly read: (line: string) => Outcome | undefined
}

export interface Outcome {
  readonly test: string
  readonly p: number
}

/** A program that is not there or that did not end well; the message says what to do. */
export class BatteryError extends Error {}

/**
 * Runs a trial. The program leaves when it has had enough, so words are written until it does; which of the written
 * ones it never read changes nothing, as every trial begins at the row's start.
 */
export const run = async (trial: Trial, next: () => Uint32Array): Promise<ReadonlyArray<Outcome>> => {
  const child = spawn(trial.command, [...trial.arguments], { stdio: ["pipe", "pipe", "pipe"] })
  let output = ""
  let complaint = ""
  let open = true
  let failure: Error | undefined
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text
  })
  // A program that ends while words are on their way breaks the pipe: that is how it says enough.
  child.stdin.on("error", () => {
    open = false
  })
  child.on("error", (error) => {
    failure = error
    open = false
  })
  const closed = new Promise<number | null>((resolve) => {
    child.on("exit", () => {
      open = false
    })
    child.on("close", (code) => resolve(code))
    child.on("error", () => resolve(null))
  })
  while (open) {
    const { buffer, byteLength, byteOffset } = next()
    if (!child.stdin.write(new Uint8Array(buffer, byteOffset, byteLength))) {
      // `once` also ends by the broken pipe, which is no error here.
      await Promise.race([once(child.stdin, "drain").catch(() => undefined), closed])
    }
  }
  child.stdin.destroy()
  const code = await closed
  if (failure !== undefined) throw new BatteryError(`${trial.command} did not start: ${failure.message}`)
  const outcomes = output.split("\n").flatMap((line) => trial.read(line) ?? [])
  if (code !== 0 || outcomes.length === 0) {
    const said = complaint.trim().split("\n").at(-1) ?? ""
    throw new BatteryError(`${trial.command} ${trial.arguments.join(" ")} ended with ${code} and no p-value: ${said}`)
  }
  return outcomes
}

/** `0|diehard_birthdays|0|0.55180421`, by the output flags below. */
const dieharderLine = (line: string): Outcome | undefined => {
  const fields = line.split("|").map((field) => field.trim())
  const [name = "", ntuple = "", p = ""] = fields
  if (fields.length !== 3 || !/^[01]\.\d+$/.test(p)) return undefined
  return { test: ntuple === "0" ? name : `${name} ${ntuple}`, p: Number(p) }
}

/** What dieharder is to print, and nothing else. */
const FIELDS = ["-D", "test_name", "-D", "ntuple", "-D", "pvalues"]

/** Test `number` of dieharder on raw words from standard input; `-S` so that nothing in it hangs on the clock. */
const dieharderTrial = (number: number, ...more: ReadonlyArray<string>): Trial => ({
  name: `dieharder ${[`-d ${number}`, ...more].join(" ")}`,
  command: "dieharder",
  arguments: ["-g", "200", "-S", "1", "-d", String(number), ...more, ...FIELDS],
  read: dieharderLine
})

/**
 * Of what dieharder's own list calls good: a choice that takes under a minute a row. Tests that read hundreds of
 * millions of words take fewer samples (`-p`) than their usual 100.
 */
const FULLER: ReadonlyArray<Trial> = [
  dieharderTrial(0),
  dieharderTrial(1, "-p", "50"),
  dieharderTrial(2, "-p", "20"),
  ...[3, 4, 8, 9, 10, 11, 12].map((number) => dieharderTrial(number)),
  dieharderTrial(13, "-p", "50"),
  dieharderTrial(15),
  dieharderTrial(16, "-p", "50"),
  dieharderTrial(100),
  dieharderTrial(102),
  dieharderTrial(202, "-n", "5"),
  // Sums of every fourth word: neighbours give four words each.
  dieharderTrial(203, "-n", "3", "-p", "20"),
  ...[204, 206, 208, 209].map((number) => dieharderTrial(number))
]

const QUICK: ReadonlyArray<Trial> = [0, 3, 4, 8, 10, 12, 15, 100, 204, 206].map((number) => dieharderTrial(number))

export const dieharder = (quick: boolean): ReadonlyArray<Trial> => (quick ? QUICK : FULLER)

export const dieharderVersion = (): string => {
  const { error, stdout } = spawnSync("dieharder", ["-l"], { encoding: "utf8" })
  if (error !== undefined) {
    throw new BatteryError("dieharder is not installed: `apt-get install dieharder` on Debian or Ubuntu")
  }
  return /dieharder version ([\d.]+)/.exec(stdout)?.[1] ?? "of unknown version"
}

export type Crush = "small" | "reversed" | "crush"

/** TestU01's battery by the driver compiled at `binary`. */
export const testU01 = (binary: string, battery: Crush): Trial => ({
  name: `TestU01 ${battery}`,
  command: binary,
  arguments: [battery],
  read: (line) => {
    const [name, p] = line.split("\t")
    if (name === undefined || p === undefined) return undefined
    return {
      test: `${battery === "crush" ? "Crush" : "SmallCrush"}${battery === "reversed" ? " reversed" : ""} ${name}`,
      p: Number(p)
    }
  }
})

/** Compiles the driver of TestU01 to `binary`. */
export const compileTestU01 = (binary: string): void => {
  const source = fileURLToPath(new URL("smallcrush.c", import.meta.url))
  const libraries = ["-ltestu01", "-ltestu01probdist", "-ltestu01mylib", "-lm"]
  const { error, status, stderr } = spawnSync("cc", ["-O2", source, "-o", binary, ...libraries], { encoding: "utf8" })
  if (error === undefined && status === 0) return
  const reason = error === undefined ? stderr.trim().split("\n").at(0) : "there is no C compiler"
  throw new BatteryError(
    `TestU01 cannot be built (${reason}): \`apt-get install gcc libtestu01-0-dev\` on Debian, from its section non-free`
  )
}
