/**
 * WebDataset's rule of what is a sample: files that follow one another and share a key, all of their name up to the first
 * dot of its last part. What is behind that dot, in lower case, is the field that the file's content stands under.
 *
 * @since 0.1.0
 */
import type { Fault } from "../Fault.ts"
import { KEY } from "./Decoder.ts"
import type { Member } from "./Walk.ts"

/** A sample, as its files lie in the archive. @since 0.1.0 */
export interface Sample {
  readonly key: string
  /** Where the first header of its first file stands. */
  readonly start: number
  readonly extensions: Array<string>
  /** Where each file's payload stands, and how long it is. */
  readonly offsets: Array<number>
  readonly sizes: Array<number>
}

/** Puts files together to samples. @since 0.1.0 */
export class Samples {
  #current: Sample | undefined
  readonly #fault: Fault

  constructor(fault: Fault) {
    this.#fault = fault
  }

  /** Takes the next file; returns its sample if it is the first file of one. */
  add({ name, offset, size, start }: Member): Sample | undefined {
    const slash = name.lastIndexOf("/") + 1
    const dot = name.indexOf(".", slash)
    if (slash > 0 || dot === slash) refuseClimbing(name, start, this.#fault)
    // No extension, or a hidden file: not part of a sample.
    if (dot <= slash) return undefined
    const extension = name.slice(dot + 1).toLowerCase()
    if (extension === KEY) {
      const reason = `member ${JSON.stringify(name)} would stand under ${KEY}, where its sample's key stands`
      throw this.#fault(`${reason}; write the tar again with another extension`, { byte: start })
    }
    const current = this.#current
    if (current !== undefined && current.key.length === dot && name.startsWith(current.key)) {
      if (current.extensions.includes(extension)) {
        const reason = `sample ${JSON.stringify(current.key)} has two files ${JSON.stringify(extension)}`
        throw this.#fault(`${reason}; write the tar again with names that differ`, { byte: start })
      }
      current.extensions.push(extension)
      current.offsets.push(offset)
      current.sizes.push(size)
      return undefined
    }
    const key = name.slice(0, dot)
    this.#current = { key, start, extensions: [extension], offsets: [offset], sizes: [size] }
    return this.#current
  }
}

const refuseClimbing = (name: string, at: number, fault: Fault): void => {
  if (!name.startsWith("/") && !(name.includes("..") && name.split("/").includes(".."))) return
  const reason = `member ${JSON.stringify(name)} lies outside of the archive's own folder`
  throw fault(`${reason}; write the tar again with relative names`, { byte: at })
}
