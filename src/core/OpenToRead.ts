/**
 * Opens files to read them, without waiting at what is no file.
 *
 * @since 0.1.0
 */
import type { FileHandle } from "node:fs/promises"

/** Loaded when used: most programs that import Furrow read no files. */
const fs = () => process.getBuiltinModule("node:fs")

/**
 * Opens what is at a path. A pipe is opened at once, too: a plain `open` waits for its writer, perhaps for ever, on a thread
 * that other files need, and cannot be interrupted. What is not a file is for the caller to refuse.
 *
 * @since 0.1.0
 */
export const openToRead = (path: string): Promise<FileHandle> => {
  const { constants, promises } = fs()
  // Windows has no such flag, and no pipes among its files.
  return promises.open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
}

/** Reads a file as a whole. Throws if something else is there. @since 0.1.0 */
export const readWhole = async (path: string): Promise<Uint8Array> => {
  const handle = await openToRead(path)
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`${path} is not a file`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}
