/**
 * Text.
 */

/**
 * UTF-8 as Latin-1, one byte a character: twin of `TextDecoder`. Returns how many bytes that takes; -1 if a character is beyond
 * U+00FF, or the bytes are not UTF-8. Up to 16 bytes behind the result are written, too.
 */
export function latin1(source: usize, length: i32, target: usize): i32 {
  const end = source + length
  let read = source
  let write = target
  while (read < end) {
    while (read + 16 <= end) {
      const bytes = v128.load(read)
      v128.store(write, bytes)
      const others = i8x16.bitmask(bytes)
      if (others != 0) {
        read += ctz(others)
        write += ctz(others)
        break
      }
      read += 16
      write += 16
    }
    if (read == end) break
    const first: u32 = load<u8>(read)
    if (first < 0x80) {
      store<u8>(write, first)
      read++
      write++
      continue
    }
    // Two bytes give U+0080 to U+00FF if the first of them is one of two.
    if ((first & 0xfe) != 0xc2 || read + 1 == end) return -1
    const next: u32 = load<u8>(read + 1)
    if ((next & 0xc0) != 0x80) return -1
    store<u8>(write, (first << 6) | (next & 0x3f))
    read += 2
    write++
  }
  return <i32>(write - target)
}
