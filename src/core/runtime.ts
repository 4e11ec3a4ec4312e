/**
 * The one seam to what is the runtime's own: hashing, decompression, its name and version. Bun and Deno both carry
 * Node's modules, so today one implementation serves both; a runtime that does not gets its branch here and nowhere
 * else.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"
import type { Hash } from "node:crypto"
import { clearImmediate, clearTimeout, setImmediate, setTimeout } from "node:timers"
import type { Worker } from "node:worker_threads"
import { shown } from "./Show.ts"

/** Which runtime this is, such as `{ name: "bun", version: "1.4.5" }`. @since 0.1.0 */
export const runtime: { readonly name: "bun" | "deno" | "node"; readonly version: string } = (() => {
  const versions: Readonly<Record<string, string | undefined>> = process.versions
  if (versions["bun"] !== undefined) return { name: "bun", version: versions["bun"] }
  if (versions["deno"] !== undefined) return { name: "deno", version: versions["deno"] }
  return { name: "node", version: versions["node"] ?? "" }
})()

// Modules of the runtime are loaded when they are used: of the import of Furrow on Bun they would be a fifth.
const crypto = () => process.getBuiltinModule("node:crypto")
const fs = () => process.getBuiltinModule("node:fs")
const os = () => process.getBuiltinModule("node:os")
const util = () => process.getBuiltinModule("node:util")
const threads = () => process.getBuiltinModule("node:worker_threads")
const zlib = () => process.getBuiltinModule("node:zlib")

/** The promises of `node:fs`. @since 0.1.0 */
export const files = (): typeof import("node:fs/promises") => fs().promises

/** The functions of `node:fs` that block, for a few small files. @since 0.1.0 */
export const filesAtOnce = (): Pick<typeof import("node:fs"), "readFileSync" | "statSync"> => fs()

/**
 * Copies the bytes of `source` from `start` up to `end` to a place in `target`. For some hundred bytes a view to copy from
 * takes as long as the copy on Bun (65 ns against 146); elsewhere `Buffer` makes one itself.
 *
 * @since 0.1.0
 */
export const copyBytes: (source: Uint8Array, start: number, end: number, target: Uint8Array, at: number) => void =
  runtime.name === "bun"
    ? (source, start, end, target, at) => {
        copy.call(source, target, at, start, end)
      }
    : (source, start, end, target, at) => target.set(source.subarray(start, end), at)

const copy: (this: Uint8Array, target: Uint8Array, at: number, start: number, end: number) => number =
  Buffer.prototype.copy

/** The 32 bytes of SHA-256. Strings are taken as UTF-8. @since 0.1.0 */
export const sha256 = (data: string | Uint8Array): Uint8Array => crypto().createHash("sha256").update(data).digest()

/** The 64 bytes of SHA-512. @since 0.1.0 */
export const sha512 = (data: Uint8Array): Uint8Array => crypto().createHash("sha512").update(data).digest()

/** A SHA-256 that takes its input in parts. @since 0.1.0 */
export const sha256Stream = (): Hash => crypto().createHash("sha256")

/** Whether two arrays hold the same bytes. @since 0.1.0 */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

let isProxyOf: ((value: unknown) => boolean) | undefined

/** Whether a value is a Proxy, which plain code cannot tell. @since 0.1.0 */
export const isProxy = (value: unknown): boolean => {
  isProxyOf ??= util().types.isProxy
  return isProxyOf(value)
}

/** 128 bits from the operating system. @since 0.1.0 */
export const entropy = (): bigint => BigInt(`0x${crypto().randomBytes(16).toString("hex")}`)

/**
 * The bytes that a gzip stream holds, one member or several; `"more"` when they are more than `most`, of which it takes
 * no more memory than that. Throws what zlib throws on a corrupt or cut one.
 *
 * @since 0.1.0
 */
export const gunzip = (data: Uint8Array, most: number): Uint8Array | "more" =>
  bounded(() => zlib().gunzipSync(data, { maxOutputLength: most }))

/**
 * What a zstd frame holds, if its header says how much that is: as much memory is allocated. Throws for a corrupt or cut one.
 * `undefined` where the runtime has no such function; Bun's takes 6 µs less a call than zlib's.
 *
 * @since 0.1.0
 */
export const zstdFrame: ((frame: Uint8Array) => Uint8Array) | undefined = (() => {
  const { Bun: bun } = globalThis as {
    readonly Bun?: { readonly zstdDecompressSync?: (frame: Uint8Array) => Uint8Array }
  } // by its manual
  return bun?.zstdDecompressSync
})()

/**
 * The same on a thread of the runtime's, beside the program; `undefined` where the runtime has nothing that is as quick.
 *
 * @since 0.1.0
 */
export const zstdFrameSoon: ((frame: Uint8Array) => Promise<Uint8Array>) | undefined = (() => {
  const { Bun: bun } = globalThis as {
    readonly Bun?: { readonly zstdDecompress?: (frame: Uint8Array) => Promise<Uint8Array> }
  } // by its manual
  return bun?.zstdDecompress
})()

/**
 * Asks the engine to collect garbage soon, beside the program; `undefined` where the runtime offers that to nobody.
 *
 * @since 0.1.0
 */
export const collectSoon: (() => void) | undefined = (() => {
  const { Bun: bun } = globalThis as { readonly Bun?: { readonly gc?: (now: boolean) => unknown } } // by its manual
  return bun?.gc === undefined ? undefined : () => void bun.gc?.(false)
})()

/** How many bytes the process takes in memory: 5 to 20 µs. @since 0.1.0 */
export const resident = (): number => process.memoryUsage.rss()

/** The same for a deflate stream without a frame, as ZIP files have it. @since 0.1.0 */
export const inflateRaw = (data: Uint8Array, most: number): Uint8Array | "more" =>
  bounded(() => zlib().inflateRawSync(data, { maxOutputLength: Math.max(1, most) }))

/** The beginning of what a deflate stream holds whose beginning is `data`: 4 MB at most. @since 0.1.0 */
export const inflateRawStart = (data: Uint8Array): Uint8Array =>
  zlib().inflateRawSync(data.subarray(0, FIRST), { finishFlush: zlib().constants.Z_SYNC_FLUSH })

const bounded = (unpack: () => Uint8Array): Uint8Array | "more" => {
  try {
    const { buffer, byteLength, byteOffset } = unpack()
    // Without Node's own class.
    return new Uint8Array(buffer, byteOffset, byteLength)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") return "more"
    throw error
  }
}

/** How many bytes of a gzip stream are looked at first: at most 4 MB come of them, as deflate goes no further than 1032:1. */
const FIRST = 4096

/**
 * The beginning of what a gzip stream holds: `length` bytes and more, or all, where there are fewer. Throws as
 * {@link gunzip} does, but not for a stream that is cut short.
 *
 * @since 0.1.0
 */
export const gunzipStart = (data: Uint8Array, length: number): Uint8Array => {
  const { constants, gunzipSync } = zlib()
  // A long file name in its header may fill the first part.
  for (let size = FIRST; ; size *= 2) {
    const start = gunzipSync(data.subarray(0, size), { finishFlush: constants.Z_SYNC_FLUSH })
    if (start.length >= length || size >= data.length) return start
  }
}

/** The bytes that base64 stands for. @since 0.1.0 */
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "base64"))

/** How many cores this process may use. @since 0.1.0 */
export const cores = (): number => os().availableParallelism()

/** A variable of the environment; none where the environment may not be read. @since 0.1.0 */
export const environment = (name: string): string | undefined => {
  try {
    return process.env[name]
  } catch {
    return undefined
  }
}

/**
 * How long Deno may go without a timer, in ms. Under immediates alone its event loop never rests, and asks the system
 * for signals and sockets only every 61st turn.
 */
const REST_MS = 50

let rested = performance.now()

/**
 * Runs `resume` once timers, signals and I/O that are due have had their turn; gives what calls it off. `setTimeout`
 * would do too, but it waits a whole millisecond; so Deno gets one only now and then.
 *
 * @since 0.1.0
 */
export const afterEvents = (resume: () => void): (() => void) => {
  if (runtime.name === "deno" && performance.now() - rested > REST_MS) {
    const handle = setTimeout(() => {
      rested = performance.now()
      resume()
    }, 0)
    return () => clearTimeout(handle)
  }
  const handle = setImmediate(resume)
  return () => clearImmediate(handle)
}

const isBun = runtime.name === "bun"

/**
 * Copies the rows at some places of an array, of so many bytes each, to another array, one behind the other from `to` on.
 * The places are those of whole rows.
 *
 * Rows that are far apart come from memory that no cache holds. So a byte of each cache line is read first, line by line over
 * several rows: many lines are waited for at once, and the lines of a row are read in order, which the processor recognizes and
 * reads ahead. Of 60,000 rows of 784 bytes, one takes 164 ns in random order rather than 299. A `subarray`
 * and a `set` make an object for each row, which on Bun costs more than its copy; Deno is quicker by them.
 *
 * @since 0.1.0
 */
export const gather = (source: Uint8Array, rows: Float64Array, bytes: number, target: Uint8Array, to: number): void => {
  if (bytes === 0) return
  const own = isBun ? Buffer.from(source.buffer, source.byteOffset, source.byteLength) : undefined
  for (let first = 0, begin = to; first < rows.length; first += GATHERED, begin += GATHERED * bytes) {
    const end = Math.min(first + GATHERED, rows.length)
    let sum = 0
    for (let line = 0; line < bytes; line += LINE) {
      for (let row = first; row < end; row++) sum += source[(rows[row] as number) * bytes + line] as number // of a whole row
    }
    // A compiler leaves out reads that nothing comes of. The first row is copied over it.
    target[begin] = sum
    for (let row = first, at = begin; row < end; row++, at += bytes) {
      const from = (rows[row] as number) * bytes // below the length
      if (own === undefined) target.set(source.subarray(from, from + bytes), at)
      else own.copy(target, at, from, from + bytes)
    }
  }
}

/** Bytes of a cache line. */
const LINE = 64

/** So many rows are waited for at once: the processor follows no more of them, and they stay in its nearest cache. */
const GATHERED = 16

/** Runs `work` after some milliseconds, if the process lives so long; gives what calls it off. @since 0.1.0 */
export const after = (milliseconds: number, work: () => void): (() => void) => {
  const handle = setTimeout(work, milliseconds)
  handle.unref()
  return () => clearTimeout(handle)
}

/** A thread, as its owner sees it. @since 0.1.0 */
export interface Thread {
  readonly post: (message: unknown) => void
  /** Ends it, and with it whatever it was at. */
  readonly terminate: () => Promise<void>
  /** Whether the process is to stay alive for what it may say; it is so at its start. */
  readonly hold: (alive: boolean) => void
}

/** What a thread's owner wants to hear of it. @since 0.1.0 */
export interface ThreadEvents {
  readonly said: (message: unknown) => void
  /** It ended without being asked to: it threw, ran out of memory, or left. */
  readonly died: (reason: string) => void
}

/**
 * Starts a module, by its URL, or a program, by its text, on a thread of its own, which is given `data`.
 *
 * @since 0.1.0
 */
export const startThread = (program: URL | string, data: unknown, events: ThreadEvents): Thread => {
  // The runtime has one class of URLs, of which it and its module `url` each have a type.
  const url = program as ConstructorParameters<typeof Worker>[0]
  const worker = new (threads().Worker)(url, { workerData: data, eval: typeof program === "string" })
  let over = false
  const die = (reason: string): void => {
    if (over) return
    over = true
    events.died(reason)
  }
  worker.on("message", (message) => {
    if (!over) events.said(message)
  })
  worker.on("error", (error: unknown) => die(shown(error)))
  worker.on("messageerror", () => die("it said something that cannot be read"))
  worker.on("exit", (code) => die(`it ended with exit code ${code}`))
  return {
    post: (message) => worker.postMessage(message),
    terminate: async () => {
      over = true
      await worker.terminate()
    },
    hold: (alive) => {
      if (alive) worker.ref()
      else worker.unref()
    }
  }
}

/** This thread, as it sees its owner; `undefined` on the main thread. @since 0.1.0 */
export const ownThread = ():
  | {
      readonly data: unknown
      readonly post: (message: unknown) => void
      readonly listen: (said: (message: unknown) => void) => void
    }
  | undefined => {
  const { isMainThread, parentPort: port, workerData: data } = threads()
  if (isMainThread || port === null) return undefined
  return {
    data,
    post: (message) => port.postMessage(message),
    listen: (said) => {
      port.on("message", said)
    }
  }
}

/**
 * Runs `crash` on what nothing in this thread catches, thrown or rejected, in the place of the runtime's own way to end
 * the thread. Code that listens for itself is left to it.
 *
 * @since 0.1.0
 */
export const onUncaught = (crash: (thrown: unknown) => void): void => {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (thrown: unknown) => {
      if (process.listenerCount(event) === 1) crash(thrown)
    })
  }
}

/** Ends this thread, or on the main thread the process. @since 0.1.0 */
export const leave = (code: number): void => process.exit(code)

/** Runs `work` each time that nothing is left that keeps the process alive; what it begins keeps it alive. Returns what calls it off. @since 0.1.0 */
export const beforeExit = (work: () => void): (() => void) => {
  process.on("beforeExit", work)
  return () => process.off("beforeExit", work)
}

const textOf = (path: string): string => {
  try {
    return fs().readFileSync(path, "utf8").trim()
  } catch {
    return ""
  }
}

const namespace = (): string => {
  try {
    return fs().readlinkSync("/proc/self/ns/pid")
  } catch {
    return ""
  }
}

/**
 * This machine since it was started, as far as process numbers go: a container has its own. Two processes with the same
 * `known` one can look at each other by {@link processStart}.
 *
 * @since 0.1.0
 */
export const machine = (): { readonly name: string; readonly known: boolean } => {
  const boot = textOf("/proc/sys/kernel/random/boot_id")
  const own = namespace()
  return { name: `${hostName()} ${boot} ${own}`.trim(), known: boot !== "" && own !== "" }
}

/** Deno may have been told not to give it away; other machines then go by what else is known of them. */
const hostName = (): string => {
  try {
    return os().hostname()
  } catch {
    return "unnamed"
  }
}

/** Whether this is the thread that the process began with. @since 0.1.0 */
export const isMainThread = (): boolean => threads().isMainThread

/** The number of this process. @since 0.1.0 */
export const processNumber = (): number => process.pid

/**
 * When a process of this machine was started, in the system's own count: with its number it is never met again.
 * `"gone"` where there is no such process, `"unknown"` where this cannot be told.
 *
 * @since 0.1.0
 */
export const processStart = (pid: number): string => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return "gone"
  }
  // Its name, in parentheses, may hold anything; behind it stand the state and, as the 20th, the start.
  const fields = textOf(`/proc/${pid}/stat`)
    .replace(/^.*\)\s*/s, "")
    .split(" ")
  // Ended, and its parent has not asked how.
  if (fields[0] === "Z" || fields[0] === "X") return "gone"
  return fields[19] ?? "unknown"
}
