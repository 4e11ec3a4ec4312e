/**
 * Kernels in WebAssembly with SIMD, built from the sources in `assembly/` by `bun run build:kernels`.
 *
 * Each has a twin in plain TypeScript that gives the same bits, so no result depends on whether there are kernels;
 * where these are not available (no WebAssembly, no memory to share, `FURROW_KERNELS=off`) the twins work alone.
 *
 * @since 0.1.0
 */
import { environment, fromBase64 } from "../core/runtime.ts"
import { Arena } from "./Arena.ts"
import { binary } from "./binary.ts"

/** A window, as `stages/image/kernels/window.ts` describes it: where rows and columns begin, and what of them is there. */
type Window = readonly [
  sourceWidth: number,
  channels: number,
  y: number,
  yStep: number,
  x: number,
  xStep: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
  height: number,
  width: number
]

/** A rectangle of an image, and the size that it is brought to. */
type Resizing = readonly [
  sourceWidth: number,
  top: number,
  left: number,
  fromHeight: number,
  fromWidth: number,
  channels: number,
  height: number,
  width: number
]

/** How bytes become float32, and how the channels lie then: `planes` bytes apart, or, for 0, side by side. */
type Scaled = readonly [constants: number, planes: number, scratch: number]

/** An image through an affine map, as `stages/image/kernels/affine.ts` has it. */
type Affine = (
  source: number,
  height: number,
  width: number,
  channels: number,
  ...rest: readonly [
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    f: number,
    fills: number,
    flipVertical: number,
    flipHorizontal: number,
    ...Scaled,
    target: number
  ]
) => void

/** What the module exports. Addresses are in bytes; `constants` and `scratch` are as `assembly/` says. */
interface Exports {
  readonly cutScaled: (
    source: number,
    ...rest: readonly [...Window, ...Scaled, target: number, next: number, nextBytes: number]
  ) => void
  readonly cutScaledRows: (
    rows: number,
    count: number,
    sourceWidth: number,
    sourceBytes: number,
    channels: number,
    height: number,
    width: number,
    ...rest: readonly [...Scaled, target: number]
  ) => void
  readonly bilinear: (source: number, ...rest: readonly [...Resizing, scratch: number, target: number]) => void
  readonly bilinearScaled: (
    source: number,
    ...rest: readonly [...Resizing, flipVertical: number, flipHorizontal: number, ...Scaled, target: number]
  ) => void
  readonly nearestPixels: (source: number, ...rest: readonly [...Resizing, scratch: number, target: number]) => void
  readonly area: (source: number, ...rest: readonly [...Resizing, target: number]) => void
  readonly affineNearest: Affine
  readonly affineBilinear: Affine
  readonly brightness: (pixels: number, length: number, factor: number, table: number) => void
  readonly contrast: (pixels: number, length: number, channels: number, factor: number, table: number) => void
  readonly saturation: (pixels: number, length: number, factor: number) => void
  readonly hue: (pixels: number, length: number, shift: number) => void
  readonly copy: (source: number, length: number, target: number) => void
  readonly erase: (
    pixels: number,
    imageWidth: number,
    channels: number,
    top: number,
    left: number,
    height: number,
    width: number,
    values: number
  ) => void
  readonly planar: (
    source: number,
    height: number,
    width: number,
    channels: number,
    size: number,
    target: number
  ) => void
  readonly latin1: (source: number, length: number, target: number) => number
  readonly heads: (counters: number, count: number, k0: number, k1: number, target: number) => void
}

/** The kernels of this thread. @since 0.1.0 */
export interface Kernels extends Exports {
  readonly arena: Arena
}

let memory: Arena | null | undefined
let loaded: Kernels | null | undefined
let wanted = true

/** The memory of this thread that kernels and other threads can reach, if there is any. @since 0.1.0 */
export const arena = (): Arena | undefined => {
  if (memory === undefined) {
    try {
      memory = new Arena()
    } catch {
      // A system that gives no memory to share: all is copied then, and the twins do the work.
      memory = null
    }
  }
  return memory ?? undefined
}

/** The kernels, if there are any. @since 0.1.0 */
export const kernels = (): Kernels | undefined => {
  if (loaded === undefined) loaded = load()
  return wanted ? (loaded ?? undefined) : undefined
}

/** Whether kernels are to be used, from now on; for tests that hold them against their twins. @since 0.1.0 */
export const use = (on: boolean): void => {
  wanted = on
}

const load = (): Kernels | null => {
  const own = arena()
  if (own === undefined || environment("FURROW_KERNELS") === "off") return null
  try {
    const module = new WebAssembly.Module(fromBase64(binary))
    const { exports } = new WebAssembly.Instance(module, { env: { memory: own.memory } })
    // The module is built from `assembly/`, whose index exports these under these names; a test calls each of them.
    return { ...(exports as unknown as Exports), arena: own }
  } catch {
    // A runtime without SIMD: the twins do the work.
    return null
  }
}
