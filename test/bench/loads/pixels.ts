/** The pixels that all contestants work on: noise, for the work does not depend on what is on an image. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Tensor } from "../../../src/index.ts"
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"

/** Images of noise where kernels can read them; the same in every thread. */
export const noise = (samples: number, side: number, channels: number): Tensor.Tensor<Uint8Array> => {
  const images = Tensor.resident("uint8", [samples, side, side, channels])
  new Xoshiro128().reseed(Uint32Array.of(1, 2, 3, 4), 0).fill(images.data)
  return images
}

/** Puts bytes where another process can read them, while `use` is at it. */
export const asFile = (bytes: Uint8Array): { readonly path: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-bench-"))
  const path = join(folder, "pixels")
  writeFileSync(path, bytes)
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
