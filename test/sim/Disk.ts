/**
 * A disk in memory that forgets as disks do. What is written lies in a cache until the file is synced; what is made,
 * renamed or removed, until its folder is. A process that is killed loses nothing of it; a power cut loses, tears and
 * reorders what was not synced.
 */
import { Error as Errors, FileSystem } from "@effect/platform"
import { Effect, Layer, Option } from "effect"
import type { DiskFault } from "./Case.ts"
import type { Dice } from "./World.ts"

/** A file's content, as it is read, and as far as it would outlive a power cut. */
interface Content {
  bytes: Uint8Array
  synced: Uint8Array | undefined
  touched: number
}

/** A change of the folder that is not synced: what a name stands for from here on, if for anything. */
interface Change {
  readonly name: string
  readonly content: Content | undefined
  /** Changes of one number are one step, such as the two of a rename. */
  readonly step: number
}

/** Of a process that is gone; no lock of its holds. */
const GONE = 4_194_305

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

const failed = (method: string, path: string, reason: Errors.SystemErrorReason, code: string): Errors.SystemError =>
  new Errors.SystemError({
    reason,
    module: "FileSystem",
    method,
    pathOrDescriptor: path,
    description: `${code}: as if`,
    cause: Object.assign(new Error(code), { code })
  })

/** One folder on a disk. */
export class Disk {
  readonly #names = new Map<string, Content>()
  #synced = new Map<string, Content>()
  #changes: Array<Change> = []
  #steps = 0
  #made = false

  /** The names that are there. */
  get names(): ReadonlyArray<string> {
    return [...this.#names.keys()].toSorted()
  }

  /** The disk as another process finds it when this one ends now, in such a way; what this one does from here on is in vain. */
  after(cut: "kill" | "power", dice: Dice): Disk {
    const next = new Disk()
    next.#made = this.#made
    const left = cut === "kill" ? this.#names : this.#afterPowerCut(dice)
    for (const [name, { bytes, touched }] of left) {
      const text = new TextDecoder().decode(bytes)
      // The simulated process has this one's number, which lives.
      const own = name === "lock" ? new TextEncoder().encode(text.replace(/"pid":\d+/, `"pid":${GONE}`)) : bytes
      const content: Content = { bytes: own, synced: own, touched }
      next.#names.set(name, content)
      next.#synced.set(name, content)
    }
    return next
  }

  #afterPowerCut(dice: Dice): ReadonlyMap<string, Content> {
    const names = new Map(this.#synced)
    // Each step is done or not, whatever came of those before it; both halves of a rename can also stand side by side.
    const done = new Map<number, number>()
    for (const { content, name, step } of this.#changes) {
      const way = done.get(step) ?? dice.roll(4)
      done.set(step, way)
      if (way === 0) continue
      if (content !== undefined) names.set(name, content)
      else if (way !== 1) names.delete(name)
    }
    for (const [name, content] of names) {
      const { bytes, synced } = content
      if (synced === bytes) continue
      const torn = [
        bytes,
        synced ?? new Uint8Array(0),
        bytes.subarray(0, dice.roll(bytes.length + 1)),
        bytes.map(() => 0)
      ]
      names.set(name, { ...content, bytes: torn[dice.roll(torn.length)] ?? bytes })
    }
    return names
  }

  #change(...changes: ReadonlyArray<readonly [name: string, content: Content | undefined]>): void {
    this.#steps++
    for (const [name, content] of changes) {
      if (content === undefined) this.#names.delete(name)
      else this.#names.set(name, content)
      this.#changes.push({ name, content, step: this.#steps })
    }
  }

  #settle(): void {
    this.#synced = new Map(this.#names)
    this.#changes = []
  }

  #file(path: string, content: Content | undefined): FileSystem.File {
    const never = () => Effect.die("no checkpoint does this")
    return {
      [FileSystem.FileTypeId]: FileSystem.FileTypeId,
      fd: FileSystem.FileDescriptor(3),
      stat: never(),
      seek: never,
      read: never,
      readAlloc: never,
      truncate: never,
      write: never,
      sync: this.#step("sync", path, () => {
        if (content === undefined) this.#settle()
        else content.synced = content.bytes
      }),
      writeAll: (bytes) =>
        this.#step("writeAll", path, (fault) => {
          if (content === undefined) return
          content.bytes = bytes.slice(0, fault === undefined ? bytes.length : bytes.length >> 1)
        })
    }
  }

  #step: <A>(
    method: string,
    path: string,
    run: (fault: Errors.SystemError | undefined) => A
  ) => Effect.Effect<A, Errors.SystemError> = () => Effect.never

  /** The disk as a file system for one process; `event` is told of each step, `faults` say which of them fail. */
  layer(event: () => void, faults: ReadonlyArray<DiskFault>, happened: () => void): Layer.Layer<FileSystem.FileSystem> {
    let steps = 0
    this.#step = (method, path, run) =>
      Effect.suspend(() => {
        event()
        const fault = faults.find(({ at }) => at === steps)
        steps++
        if (fault === undefined || method === "utimes")
          return Effect.zipLeft(
            Effect.sync(() => run(undefined)),
            Effect.yieldNow()
          )
        happened()
        const error = failed(method, path, "Unknown", fault.code)
        // Half of it is done already when the trouble begins.
        if (method === "writeAll") run(error)
        return Effect.fail(error)
      })
    const found = (method: string, path: string): Effect.Effect<Content, Errors.SystemError> =>
      Effect.suspend(() => {
        const content = this.#names.get(nameOf(path))
        return content === undefined ? Effect.fail(failed(method, path, "NotFound", "ENOENT")) : Effect.succeed(content)
      })
    const step = <A>(method: string, path: string, run: () => A) => this.#step(method, path, run)
    return Layer.succeed(
      FileSystem.FileSystem,
      FileSystem.makeNoop({
        exists: (path) => step("exists", path, () => this.#made),
        makeDirectory: (path) =>
          step("makeDirectory", path, () => {
            this.#made = true
          }),
        open: (path, { flag } = {}) =>
          Effect.suspend(() => {
            if (flag === "r") return step("open", path, () => this.#file(path, undefined))
            if (flag === "wx" && this.#names.has(nameOf(path))) {
              return Effect.fail(failed("open", path, "AlreadyExists", "EEXIST"))
            }
            return step("open", path, () => {
              const content: Content = { bytes: new Uint8Array(0), synced: undefined, touched: 0 }
              this.#change([nameOf(path), content])
              return this.#file(path, content)
            })
          }),
        readDirectory: (path) => step("readDirectory", path, () => [...this.names]),
        readFile: (path) =>
          Effect.zipRight(
            step("readFile", path, () => {}),
            Effect.map(found("readFile", path), ({ bytes }) => bytes)
          ),
        readFileString: (path) => Effect.map(found("readFile", path), ({ bytes }) => new TextDecoder().decode(bytes)),
        remove: (path) =>
          Effect.zipRight(
            found("remove", path),
            step("remove", path, () => this.#change([nameOf(path), undefined]))
          ),
        rename: (from, to) =>
          Effect.flatMap(found("rename", from), (content) =>
            step("rename", from, () => this.#change([nameOf(to), content], [nameOf(from), undefined]))
          ),
        stat: (path) =>
          Effect.map(found("stat", path), ({ bytes, touched }) => ({
            type: "File" as const,
            mtime: Option.some(new Date(touched)),
            atime: Option.none(),
            birthtime: Option.none(),
            dev: 0,
            ino: Option.none(),
            mode: 0,
            nlink: Option.none(),
            uid: Option.none(),
            gid: Option.none(),
            rdev: Option.none(),
            size: FileSystem.Size(bytes.length),
            blksize: Option.none(),
            blocks: Option.none()
          })),
        utimes: (path, _, mtime) =>
          Effect.map(found("utimes", path), (content) => {
            content.touched = mtime instanceof Date ? mtime.getTime() : 0
          })
      })
    )
  }
}
