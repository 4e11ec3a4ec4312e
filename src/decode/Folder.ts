/**
 * A folder of image files, one subfolder a class: the layout of torchvision's `ImageFolder`.
 *
 * @since 0.1.0
 */
import type * as PlatformErrors from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { type Dataset, type DatasetError, effectful } from "../datasets/RandomAccess.ts"
import { whole } from "../InvalidOption.ts"
import * as PlatformServices from "../PlatformServices.ts"
import { extensions } from "./Format.ts"

/**
 * A folder that cannot be had, or does not hold classes of images.
 *
 * @since 0.1.0
 */
export class FolderError extends Data.TaggedError("FolderError")<{
  /** The folder. */
  readonly path: string
  /** What is wrong, and the way out. */
  readonly reason: string
  /** What was thrown below, if anything. */
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.path}: ${this.reason}`
  }
}

/** An image file as it lies in its folder. @since 0.1.0 */
export interface Labelled {
  /** The bytes of the file. */
  readonly image: Uint8Array
  /** The place of its class among the names of all. */
  readonly label: number
}

/** A dataset of image files, with what its labels mean. @since 0.1.0 */
export interface Folder extends Dataset<Labelled, PlatformErrors.PlatformError | DatasetError> {
  /** The names of the classes: those of the subfolders, sorted by their UTF-16 code units. */
  readonly classes: ReadonlyArray<string>
  /** How many files each class has. */
  readonly counts: ReadonlyArray<number>
  /** The path of each sample, such as `photos/cat/12.jpg`; an error names samples by their index. */
  readonly files: ReadonlyArray<string>
}

/** @since 0.1.0 */
export interface FolderOptions {
  /** What it goes by in errors. Default: the path. */
  readonly name?: string
  /** How many files of one batch are read at once. Default 16. */
  readonly concurrency?: number
}

/**
 * The dataset of the image files in a folder: of each subfolder, which is a class, all files below it that are named as
 * images are (`.jpg`, `.jpeg`, `.png`, `.webp`, `.gif`, `.avif`, in either case), sorted by path. What begins with a dot
 * is left out. Files are listed once, here, and read when they are asked for.
 *
 * Throws `InvalidOption` unless `concurrency` is a whole number of at least 1. Fails with {@link FolderError} when there
 * is no such folder, when it has no subfolder, or one without an image; with the platform's `PlatformError` when
 * something cannot be read, in a run, too.
 *
 * @since 0.1.0
 */
export const folder = (
  path: string,
  options: FolderOptions = {}
): Effect.Effect<Folder, FolderError | PlatformErrors.PlatformError, FileSystem.FileSystem> => {
  const concurrency = whole("concurrency", options.concurrency ?? 16, 1)
  return Effect.gen(function* () {
    const system = yield* PlatformServices.FileSystem
    const root = path.replace(/(?<=.)\/+$/, "")
    const classes = yield* subfolders(system, root)
    const counts: Array<number> = []
    const files: Array<string> = []
    const labels: Array<number> = []
    for (const [label, name] of classes.entries()) {
      const own = yield* images(system, `${root}/${name}`)
      counts.push(own.length)
      for (const file of own) {
        files.push(file)
        labels.push(label)
      }
    }
    const get = (index: number) => {
      const label = labels[index] as number // the index is below the size, which is the length of both
      return Effect.map(system.readFile(files[index] as string), (image): Labelled => ({ image, label })) // as above
    }
    const own = { name: options.name ?? path, size: files.length, concurrency, get }
    // A folder may move: what its files are is told by their names within it.
    const dataset = effectful(own, "folder", { classes, files: files.map((file) => file.slice(root.length)) })
    return Object.assign(dataset, { classes, counts, files })
  })
}

const visible = (name: string): boolean => !name.split("/").some((part) => part.startsWith("."))

/** The subfolders' names, sorted; links to folders are as good. */
const subfolders = (
  system: FileSystem.FileSystem,
  root: string
): Effect.Effect<ReadonlyArray<string>, FolderError | PlatformErrors.PlatformError> =>
  Effect.gen(function* () {
    const names = yield* Effect.catchIf(system.readDirectory(root), isNoFolder, (cause) =>
      Effect.fail(new FolderError({ path: root, reason: "there is no such folder; check the path", cause }))
    )
    const found = yield* Effect.filter(names.filter(visible), (name) =>
      Effect.map(system.stat(`${root}/${name}`), ({ type }) => type === "Directory")
    )
    if (found.length > 0) return found.toSorted()
    const reason = "it has no subfolders; it should have one a class, with the class's images in it"
    return yield* new FolderError({ path: root, reason })
  })

const isNoFolder = (error: PlatformErrors.PlatformError): boolean =>
  error._tag === "SystemError" && (error.reason === "NotFound" || /ENOTDIR|not a directory/i.test(error.message))

const isImage = (name: string): boolean => extensions.some((extension) => name.toLowerCase().endsWith(extension))

/** The images of a class, sorted. */
const images = (
  system: FileSystem.FileSystem,
  folder: string
): Effect.Effect<ReadonlyArray<string>, FolderError | PlatformErrors.PlatformError> =>
  Effect.flatMap(system.readDirectory(folder, { recursive: true }), (names) => {
    const found = names.filter((name) => isImage(name) && visible(name)).toSorted()
    if (found.length > 0) return Effect.succeed(found.map((name) => `${folder}/${name}`))
    const reason = `it has no images (${extensions.join(", ")}); put some there, or move the folder away`
    return Effect.fail(new FolderError({ path: folder, reason }))
  })
