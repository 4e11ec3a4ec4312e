/**
 * What the names of a format's shards end with.
 *
 * @since 0.1.0
 */

/** Whether a name ends with one of these, in any case; an ending of a compression behind it does not count. @since 0.1.0 */
export const hasEnding = (location: string, endings: ReadonlyArray<string>): boolean => {
  const name = location.replace(/\.(gz|zst|zstd)$/i, "").toLowerCase()
  return endings.some((ending) => name.endsWith(ending))
}
