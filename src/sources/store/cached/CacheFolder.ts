/**
 * A folder of blocks on local disk: read, added, and used by several processes at once.
 *
 * @since 0.1.0
 */
import { openToRead } from "../../../core/OpenToRead.ts"
import { files } from "../../../core/runtime.ts"
import { fileError } from "../File.ts"
import { StoreError } from "../StoreError.ts"
import * as BlockFile from "./BlockFile.ts"
import { partPath, Space } from "./Space.ts"

/** Blocks lie in a folder of this name, so that nothing else in the user's folder is touched. */
const NAME = "furrow-blocks-1"

/** A block of an object: whose, which one, and how many bytes it has. @since 0.1.0 */
export interface BlockName {
  /** 32 hexadecimal digits. */
  readonly key: string
  readonly number: number
  readonly size: number
}

const fileName = ({ key, number, size }: BlockName): string => `${key}-${number}-${BlockFile.fileBytes(size)}`

/** @since 0.1.0 */
export class CacheFolder {
  readonly #folder: string
  readonly #space: Space
  readonly #bytes: number
  #isReady: Promise<void> | undefined

  constructor(directory: string, bytes: number) {
    this.#folder = `${directory.replace(/(?<=.)\/+$/, "")}/${NAME}`
    this.#bytes = bytes
    this.#space = new Space(this.#folder, bytes)
  }

  /**
   * Reads a range of a block into `target`. `false` if the block is not there, or is damaged; then its file is removed.
   * Throws `StoreError` if the folder cannot be used.
   */
  async read(block: BlockName, from: number, to: number, target: Uint8Array): Promise<boolean> {
    const name = fileName(block)
    const path = `${this.#folder}/${name}`
    return this.#attempt(async () => {
      await this.#ready()
      const handle = await openToRead(path).catch((error: unknown) =>
        isMissing(error) ? undefined : Promise.reject(error)
      )
      if (handle === undefined) return false
      let isSound = false
      try {
        isSound = await BlockFile.read(handle, name, block.size, from, to, target)
        if (isSound && this.#space.use(name, Date.now())) {
          // A folder that can only be read is of use, too.
          const now = new Date()
          await handle.utimes(now, now).catch(() => undefined)
        }
      } finally {
        await handle.close()
      }
      if (!isSound) await files().rm(path, { force: true })
      return isSound
    })
  }

  /** Whether this process has added or read a block, so that it is likely to be there. */
  knows(block: BlockName): boolean {
    return this.#space.knows(fileName(block))
  }

  /** Adds a block, if there is room. Throws `StoreError` if the folder cannot be written to. */
  async add(block: BlockName, bytes: Uint8Array): Promise<void> {
    const size = BlockFile.fileBytes(block.size)
    if (size > this.#bytes) return
    const name = fileName(block)
    const torn = partPath(this.#folder)
    await this.#attempt(async () => {
      await this.#ready()
      await this.#space.within(size, async () => {
        try {
          await BlockFile.write(torn, name, bytes)
          await files().rename(torn, `${this.#folder}/${name}`)
          this.#space.use(name, Date.now())
        } catch (error) {
          await files()
            .rm(torn, { force: true })
            .catch(() => undefined)
          throw error
        }
      })
    })
  }

  close(): Promise<void> {
    return this.#space.close().catch(() => undefined)
  }

  async #attempt<A>(run: () => Promise<A>): Promise<A> {
    try {
      return await run()
    } catch (error) {
      throw error instanceof StoreError ? error : fileError(this.#folder, error)
    }
  }

  /** Makes the folder; whoever could write to it could change what is read from it. */
  #ready(): Promise<void> {
    this.#isReady ??= this.#make().catch((error: unknown) => {
      // The next one tries again.
      this.#isReady = undefined
      throw error
    })
    return this.#isReady
  }

  async #make(): Promise<void> {
    await files().mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const { uid } = await files().stat(this.#folder)
    const own = process.getuid?.() ?? uid
    if (own === 0 || uid === own || uid === 0) return
    const reason = `the folder belongs to another user (${uid}), who could change what is read; name one of your own`
    throw new StoreError({ location: this.#folder, kind: "denied", reason })
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT"
