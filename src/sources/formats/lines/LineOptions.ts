/**
 * The options that all formats of lines have.
 *
 * @since 0.1.0
 */
import { whole } from "../../../core/Check.ts"

/** @category options @since 0.1.0 */
export interface LineOptions {
  /** How many bytes a block should have, before compression. Default 2^20. */
  readonly blockBytes?: number
  /** How many bytes a row may have; a longer one is a `ShardError`. Default 2^26. */
  readonly rowBytes?: number
  /**
   * How many bytes a member of gzip or a frame of zstd may hold, since it is unpacked as a whole; a larger one is a
   * `ShardError`. Default 2^28.
   */
  readonly memberBytes?: number
}

/** @since 0.1.0 */
export interface LineSizes {
  readonly blockBytes: number
  readonly rowBytes: number
  readonly memberBytes: number
}

/** Returns the sizes in a format's options; throws `InvalidOption` for an invalid one. @since 0.1.0 */
export const sizesOf = (options: LineOptions): LineSizes => ({
  blockBytes: whole("blockBytes", options.blockBytes ?? 2 ** 20, 1, 2 ** 30),
  rowBytes: whole("rowBytes", options.rowBytes ?? 2 ** 26, 1, 2 ** 30),
  memberBytes: whole("memberBytes", options.memberBytes ?? 2 ** 28, 1, 2 ** 31 - 1)
})
