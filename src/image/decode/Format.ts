/**
 * Image formats, recognized by their first bytes only: names of files and media types can be wrong.
 *
 * @since 0.1.0
 */

/** The formats that are decoded. @category models @since 0.1.0 */
export type Format = "JPEG" | "PNG" | "WebP" | "GIF" | "AVIF"

const starts = (bytes: Uint8Array, at: number, text: string): boolean => {
  for (let place = 0; place < text.length; place++) if (bytes[at + place] !== text.charCodeAt(place)) return false
  return true
}

/** What the first bytes say, if it is a format that is decoded. @since 0.1.0 */
export const formatOf = (bytes: Uint8Array): Format | undefined => {
  if (starts(bytes, 0, "\xff\xd8\xff")) return "JPEG"
  if (starts(bytes, 0, "\x89PNG\r\n\x1a\n")) return "PNG"
  if (starts(bytes, 0, "RIFF") && starts(bytes, 8, "WEBP")) return "WebP"
  if (starts(bytes, 0, "GIF87a") || starts(bytes, 0, "GIF89a")) return "GIF"
  if (starts(bytes, 4, "ftypavif") || starts(bytes, 4, "ftypavis")) return "AVIF"
  return undefined
}

/** How files of these formats are named, in lower case. @since 0.1.0 */
export const extensions: ReadonlyArray<string> = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"]
