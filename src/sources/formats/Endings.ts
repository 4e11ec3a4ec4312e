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

/** Whether a name, or an address with a query behind it, ends as that of a compressed file. @since 0.1.0 */
export const isCompressed = (location: string): boolean => /\.(?:gz|tgz|zst|zstd)(?:[?#].*)?$/i.test(location)

/**
 * Whether a file describes a dataset of the Hub, whose own library takes it for no data (`FILES_TO_IGNORE` in `data_files.py` of
 * `datasets`). Such files lie beside the shards of a clone, and their ending is one of JSON Lines.
 *
 * @since 0.1.0
 */
export const isDescription = (location: string): boolean =>
  /(?:^|\/)(?:config|dataset_infos?|dataset_dict)\.json$/.test(location)
