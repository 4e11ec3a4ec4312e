/**
 * Goes through a tar from header to header. Payloads are not looked at, so whoever calls need not have them.
 *
 * Neither `modern-tar` 0.8 nor `tar-stream` 3 gives the offset of a member, which an index of blocks needs, and both read
 * payloads: a scan that skips them reads less than a tenth of a shard of photos of 1 MB.
 *
 * @since 0.1.0
 */
import { plural } from "../../../core/Plural.ts"
import type { Fault } from "../Fault.ts"
import { type Extended, LONGEST, readLongName, readPax, sparse } from "./Extended.ts"
import { BLOCK, type Header, headerAt, type Window } from "./Header.ts"

/** A file in a tar. @since 0.1.0 */
export interface Member {
  readonly name: string
  /** Where its first header stands: that of its long name, if it has one. */
  readonly start: number
  /** Where its payload stands, and how long it is. */
  readonly offset: number
  readonly size: number
}

const TYPE = {
  file: [0, 0x30, 0x37],
  folder: 0x35,
  label: 0x56,
  pax: 0x78,
  oldPax: 0x58,
  globalPax: 0x67,
  longName: 0x4c,
  longLink: 0x4b,
  sparse: 0x53
} as const

/** What the types are that are no files. */
const OTHERS: Readonly<Record<number, string>> = {
  49: "a hard link",
  50: "a symbolic link",
  51: "a character device",
  52: "a block device",
  54: "a named pipe",
  68: "a list of a folder's files (GNU, incremental)",
  77: "the rest of a file from another volume",
  78: "an old GNU long name"
}

/** The place in an archive, and what has been said of the next member. @since 0.1.0 */
export class Walk {
  /** Where the next header stands, and how many bytes from there on are needed to go on. */
  at: number
  needs = BLOCK
  readonly #end: number
  readonly #fault: Fault
  readonly #extended: Extended = { name: undefined, size: undefined }
  /** Where the first header of the next member stands. */
  #start: number

  /** @param end where the archive ends, or what of it is to be walked */
  constructor(start: number, end: number, fault: Fault) {
    this.at = start
    this.#start = start
    this.#end = end
    this.#fault = fault
  }

  /**
   * Returns the next file, `"end"` at the block of zeros that ends an archive, or `"more"` if the window does not have the
   * `needs` bytes at `at`.
   */
  next(window: Window): Member | "more" | "end" {
    const { bytes, from } = window
    for (;;) {
      const place = this.at - from
      if (place < 0 || place + this.needs > bytes.length) return "more"
      const header = headerAt(window, this.at, this.#fault)
      if (header === undefined) {
        if (this.#start === this.at) return "end"
        throw this.#fault("it ends behind a header that describes the next member", { byte: this.#start })
      }
      const { size, type } = header
      if (type === TYPE.pax || type === TYPE.globalPax || type === TYPE.longName || type === TYPE.oldPax) {
        if (size > LONGEST) {
          const reason = `a header of names and attributes has ${plural(size, "byte")}, and may have ${LONGEST}; the shard is damaged`
          throw this.#fault(reason, { byte: this.at })
        }
        this.#within(size)
        this.needs = BLOCK + size
        if (place + this.needs > bytes.length) return "more"
        this.needs = BLOCK
        const payload = bytes.subarray(place + BLOCK, place + BLOCK + size)
        if (type === TYPE.longName) readLongName(payload, this.at, this.#extended, this.#fault)
        else readPax(payload, this.at + BLOCK, type === TYPE.globalPax ? undefined : this.#extended, this.#fault)
        this.#skip(size)
        // It holds for all, not for the next.
        if (type === TYPE.globalPax && this.#start === this.at - BLOCK - padded(size)) this.#start = this.at
      } else if (type === TYPE.longLink) {
        this.#within(size)
        this.#skip(size)
      } else {
        const member = this.#member(header)
        if (member !== undefined) return member
      }
    }
  }

  /** Takes the header of a member; returns the member if it is a file. */
  #member(header: Header): Member | undefined {
    const name = this.#extended.name ?? header.name()
    const size = this.#extended.size ?? header.size
    const { type } = header
    const start = this.#start
    const offset = this.at + BLOCK
    this.#extended.name = undefined
    this.#extended.size = undefined
    if (type === TYPE.file[0] || type === TYPE.file[1] || type === TYPE.file[2]) {
      this.#within(size)
      this.#skip(size)
      this.#start = this.at
      // Unix V7 has no type for folders.
      return name.endsWith("/") ? undefined : { name, start, offset, size }
    }
    if (type === TYPE.folder || type === TYPE.label) {
      this.#skip(0)
      this.#start = this.at
      return undefined
    }
    if (type === TYPE.sparse) throw this.#fault(sparse, { byte: this.at })
    const what = OTHERS[type] ?? `of unknown type ${JSON.stringify(String.fromCharCode(type))}`
    const reason = `member ${JSON.stringify(name)} is ${what}, and a sample is made of files`
    throw this.#fault(`${reason}; write the tar again with plain files (--dereference --hard-dereference)`, {
      byte: this.at
    })
  }

  /** Throws unless a payload of so many bytes ends before the archive does. */
  #within(size: number): void {
    const left = this.#end - this.at - BLOCK
    if (size <= left) return
    const reason = `a member of ${plural(size, "byte")} begins here, and the shard ends after ${Math.max(0, left)}`
    throw this.#fault(`${reason}; it was cut short or is damaged, fetch it again`, { byte: this.at })
  }

  #skip(size: number): void {
    this.at += BLOCK + padded(size)
  }
}

/** The bytes that a payload takes with its padding. */
const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK
