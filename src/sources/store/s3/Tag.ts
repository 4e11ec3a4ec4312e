/**
 * ETags of S3.
 *
 * @since 0.1.0
 */

/** An ETag in its quotes, which some servers leave out of listings; `undefined` without one. @since 0.1.0 */
export const tagOf = (text: string | undefined): string | undefined => {
  const plain = (text ?? "").trim()
  if (plain === "") return undefined
  return /^(?:W\/)?".*"$/.test(plain) ? plain : `"${plain}"`
}
