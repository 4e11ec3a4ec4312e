/**
 * IDX files, the format in which MNIST and its relatives (Fashion-MNIST, KMNIST, EMNIST) are distributed. The layout
 * is LeCun's, as described on the MNIST page:
 *
 * ```text
 * byte 0, 1   0, 0
 * byte 2      element type: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
 * byte 3      rank
 * then        the length of each axis, 32 bits, big-endian; then the elements, big-endian, last axis fastest
 * ```
 *
 * Every function here takes files with and without gzip, told apart by their first two bytes.
 *
 * @since 0.1.0
 */

import type * as PlatformErrors from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { optionsOf, textOf } from "../core/Options.ts"
import * as PlatformServices from "../core/PlatformServices.ts"
import { plural } from "../core/Plural.ts"
import type { Tensor, TypedArray } from "../core/Tensor.ts"
import { fromColumns } from "./FromColumns.ts"
import { decode, elements, IdxError, inflated } from "./idx/Layout.ts"
import { type Dataset, type Lineage, type NameOptions, nameOf } from "./RandomAccess.ts"

export { IdxError } from "./idx/Layout.ts"

/**
 * The tensor that the bytes of an IDX file hold, gzipped or not. A tensor of 8-bit elements is a view of the bytes;
 * leave them as they are. Fails with {@link IdxError} when they are not an IDX file to the last byte: no IDX magic, an
 * unknown element type, too few bytes for the shape, bytes left over, a gzip stream that is corrupt or cut short. No
 * more of a gzip stream is unpacked than its header says there is.
 *
 * @example
 * import { Effect } from "effect"
 * import { Idx, Tensor } from "furrow"
 *
 * const bytes = Idx.encode(Tensor.make(Int16Array.of(1, -2, 3), [3]))
 * console.assert(Effect.runSync(Idx.parse(bytes, { name: "three.idx" })).data[1] === -2)
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (bytes: Uint8Array, options: NameOptions = {}): Effect.Effect<Tensor, IdxError | InvalidOption> =>
  Effect.gen(function* () {
    const name = (yield* checked(() => nameOf("Idx.parse", options))) ?? "bytes"
    return yield* decoded(bytes, name)
  })

const decoded = (bytes: Uint8Array, name: string): Effect.Effect<Tensor, IdxError> =>
  Effect.flatMap(inflated(bytes, name), (plain) => {
    const result = decode(plain, name)
    return result instanceof IdxError ? Effect.fail(result) : Effect.succeed(result)
  })

/**
 * The tensor in an IDX file. Fails with {@link IdxError} when there is no such file or when it is not sound (see
 * {@link parse}), with the platform's `PlatformError` when it cannot be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  path: string
): Effect.Effect<Tensor, IdxError | PlatformErrors.PlatformError | InvalidOption, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    yield* checked(() => textOf("the path of Idx.read", path, "the path of a file"))
    const files = yield* PlatformServices.FileSystem
    const { type } = yield* Effect.catchIf(files.stat(path), isMissing, (cause) =>
      Effect.fail(new IdxError({ path, reason: "there is no such file; check the path", cause }))
    )
    // These may have no end.
    if (type === "CharacterDevice" || type === "FIFO" || type === "Socket") {
      return yield* new IdxError({ path, reason: `it is not a file but a ${type}; check the path` })
    }
    return yield* decoded(yield* files.readFile(path), path)
  })

const isMissing = (error: PlatformErrors.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"

/**
 * The bytes of an IDX file that holds `tensor`. Throws `InvalidOption` for an element type that IDX does not have
 * (uint16, uint32 and the 64-bit integers), for more than 255 axes, or an axis of 2^32 and more.
 *
 * @category conversions
 * @since 0.1.0
 */
export const encode = (tensor: Tensor): Uint8Array => {
  const { data, dtype, shape } = tensor
  const known = Array.from(elements).find(([, element]) => element.dtype === dtype)
  if (known === undefined || data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const expected = `one that IDX has: ${Array.from(elements.values(), (element) => element.dtype).join(", ")}`
    throw new InvalidOption({ option: "element type", value: dtype, expected })
  }
  if (shape.length > 255 || shape.some((axis) => axis >= 2 ** 32)) {
    throw new InvalidOption({ option: "shape", value: shape, expected: "at most 255 axes, each below 2^32" })
  }
  const [code, element] = known
  const start = 4 + 4 * shape.length
  const bytes = new Uint8Array(start + data.length * element.bytes)
  const view = new DataView(bytes.buffer)
  view.setUint8(2, code)
  view.setUint8(3, shape.length)
  shape.forEach((axis, place) => {
    view.setUint32(4 + 4 * place, axis)
  })
  data.forEach((value, place) => {
    element.write(view, start + place * element.bytes, value)
  })
  return bytes
}

/** A sample of an image classification set. @category models @since 0.1.0 */
export interface Labeled {
  /** `[height, width, channels]` uint8, a view of the file's bytes: not to be written to. */
  readonly image: Tensor<Uint8Array>
  readonly label: number
}

/** The two files of a set. @category models @since 0.1.0 */
export interface Files {
  /** uint8 `[samples, height, width]`, or with a last axis for channels. */
  readonly images: string
  /** Any whole-number type, `[samples]`. */
  readonly labels: string
  /** What the dataset goes by in errors. Default: the path of the images. */
  readonly name?: string
  /** How many classes there are: a label must be from 0 to `classes − 1`. Default: labels are taken as they are. */
  readonly classes?: number
}

/**
 * The dataset of an image file and a label file. Images without a channel axis are given one: `[28, 28]` becomes
 * `[28, 28, 1]`. Fails as {@link read} does, with {@link IdxError} when the files hold something else, are not of one
 * length, or hold a label beyond `classes` (naming file, row and label), and with `InvalidOption` for options that are
 * not as said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const dataset = (
  files: Files
): Effect.Effect<Dataset<Labeled>, IdxError | PlatformErrors.PlatformError | InvalidOption, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const classes = yield* checked(() => {
      const names = { images: true, labels: true, name: true, classes: true } as const
      const { classes, images, labels, name } = optionsOf("Idx.dataset", files, names)
      for (const path of [images, labels]) textOf("a path of Idx.dataset", path, "the path of a file")
      if (name !== undefined) textOf("name of Idx.dataset", name)
      return classes === undefined ? undefined : whole("classes", classes, 1)
    })
    const images = yield* read(files.images)
    const labels = yield* read(files.labels)
    const { data, shape } = images
    if (!(data instanceof Uint8Array) || (shape.length !== 3 && shape.length !== 4)) {
      const reason = "it should hold images, uint8 [samples, height, width] or [samples, height, width, channels]"
      return yield* new IdxError({ path: files.images, reason: `${reason}, and holds ${images}` })
    }
    const label = labels.data
    if (labels.shape.length !== 1 || !isWhole(label)) {
      const reason = `it should hold labels, whole numbers [samples], and holds ${labels}`
      return yield* new IdxError({ path: files.labels, reason })
    }
    if (shape[0] !== label.length) {
      const found = `it holds ${plural(shape[0] ?? 0, "image")}, and ${files.labels} holds ${plural(label.length, "label")}`
      return yield* new IdxError({ path: files.images, reason: `${found}; take the files of one set` })
    }
    const row = classes === undefined ? -1 : label.findIndex((own) => own < 0 || own >= classes)
    if (row >= 0) {
      const reason = `row ${row} has label ${label[row]}, but there are ${classes} classes, 0 to ${Number(classes) - 1}`
      return yield* new IdxError({ path: files.labels, reason, offset: 8 + row * label.BYTES_PER_ELEMENT })
    }
    const image = { data, shape: shape.length === 3 ? [...shape, 1] : shape }
    const name = files.name ?? files.images
    const lineage = (row: number): Lineage => ({ dataset: name, shard: files.images, row })
    return Object.assign(fromColumns({ image, label }, { name }), { lineage })
  })

type Whole = Int8Array | Uint8Array | Int16Array | Int32Array

const isWhole = (data: TypedArray): data is Whole =>
  data instanceof Int8Array || data instanceof Uint8Array || data instanceof Int16Array || data instanceof Int32Array

/** A training set and a test set. @category models @since 0.1.0 */
export interface Sets {
  readonly train: Dataset<Labeled>
  readonly test: Dataset<Labeled>
}

const STANDARD = {
  train: { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" },
  test: { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" }
}

/**
 * MNIST, or a set with its file names, from a directory: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
 * `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each with or without `.gz`, and also with a dot for the
 * second dash (`train-images.idx3-ubyte`). Reads all four into memory: 55 MB for MNIST.
 *
 * With `classes` (10 for MNIST), labels beyond them are refused. Fails with {@link IdxError} when the directory or one of
 * the files is not there, naming it and the files that are looked for, and otherwise as {@link dataset} does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mnist = (
  directory: string,
  options: { readonly classes?: number } = {}
): Effect.Effect<Sets, IdxError | PlatformErrors.PlatformError | InvalidOption, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    yield* checked(() => {
      textOf("the directory of Idx.mnist", directory, "a path")
      optionsOf("Idx.mnist", options, { classes: true })
    })
    const files = yield* PlatformServices.FileSystem
    if (!(yield* files.exists(directory))) {
      const reason = `there is no such directory; it should hold ${four}, each with or without .gz`
      return yield* new IdxError({ path: directory, reason })
    }
    const train = yield* paths(directory, STANDARD.train)
    const test = yield* paths(directory, STANDARD.test)
    return {
      train: yield* dataset({ ...options, ...train, name: `${directory} train` }),
      test: yield* dataset({ ...options, ...test, name: `${directory} test` })
    }
  })

const four = Object.values(STANDARD)
  .flatMap(({ images, labels }) => [images, labels])
  .join(", ")

const paths = (directory: string, { images, labels }: { readonly images: string; readonly labels: string }) =>
  Effect.all({ images: find(directory, images), labels: find(directory, labels) })

const find = (
  directory: string,
  name: string
): Effect.Effect<string, IdxError | PlatformErrors.PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* PlatformServices.FileSystem
    const dotted = name.replace("-idx", ".idx")
    const names = [name, `${name}.gz`, dotted, `${dotted}.gz`]
    for (const candidate of names) {
      const path = `${directory.replace(/\/+$/, "")}/${candidate}`
      if (yield* files.exists(path)) return path
    }
    const reason = `it has no ${name} (looked for ${names.join(", ")}); it should hold ${four}`
    return yield* new IdxError({ path: directory, reason })
  })
