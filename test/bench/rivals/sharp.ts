/**
 * The rival for JPEG: sharp alone, so many images at once, each decoded to the size that is asked for (libjpeg shrinks
 * while it decodes) and given as raw bytes. One libvips thread an image, as sharp's documentation advises where many are
 * worked on at once, and no cache, for no image comes twice.
 */

/** What of sharp is used here. */
export interface Sharp {
  (
    input: Uint8Array,
    options?: { readonly raw: { readonly width: number; readonly height: number; readonly channels: 3 } }
  ): Image
  readonly cache: (on: boolean) => unknown
  readonly concurrency: (threads: number) => unknown
}

interface Image {
  readonly resize: (width: number, height: number, options: { readonly fit: "fill" }) => Image
  readonly removeAlpha: () => Image
  readonly jpeg: (options: { readonly quality: number }) => Image
  readonly raw: () => Image
  readonly toBuffer: () => Promise<Uint8Array>
}

/** sharp, set up; or why it is not there. */
export const loaded = async (): Promise<{ readonly sharp: Sharp } | { readonly absent: string }> => {
  try {
    // A name that is not written out: nothing here depends on sharp, types least of all.
    const name: string = "sharp"
    const { default: sharp } = (await import(name)) as { readonly default: Sharp } // as its documentation has it
    sharp.cache(false)
    sharp.concurrency(1)
    return { sharp }
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error)
    return { absent: `sharp does not load here (${reason}); install it with: bun install` }
  }
}

/** One image of `size` × `size`, as raw bytes. */
export const decoded = (sharp: Sharp, jpeg: Uint8Array, size: number): Promise<Uint8Array> =>
  sharp(jpeg).resize(size, size, { fit: "fill" }).removeAlpha().raw().toBuffer()

/** All images once, `concurrency` at a time; gives their number. */
export const bareSharp = async (
  sharp: Sharp,
  jpegs: ReadonlyArray<Uint8Array>,
  size: number,
  concurrency: number
): Promise<number> => {
  let next = 0
  let bytes = 0
  const lane = async (): Promise<void> => {
    for (let own = jpegs[next++]; own !== undefined; own = jpegs[next++]) {
      const pixels = await decoded(sharp, own, size)
      bytes += pixels.length
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  return bytes / (3 * size * size)
}
