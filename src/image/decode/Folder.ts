/**
 * A folder of image files, one subfolder a class: the layout of torchvision's `ImageFolder`.
 *
 * @since 0.1.0
 */
import type * as PlatformErrors from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { whole } from "../../core/Check.ts"
import { checked, type InvalidOption } from "../../core/InvalidOption.ts"
import { optionsOf, textOf } from "../../core/Options.ts"
import * as PlatformServices from "../../core/PlatformServices.ts"
import { plural } from "../../core/Plural.ts"
import { fromEffect } from "../../sources/FromEffect.ts"
import type { Dataset, DatasetError } from "../../sources/RandomAccess.ts"
import { extensions } from "./Format.ts"

/**
 * The folder does not exist, cannot be read, or does not hold classes of images; or, in a run, what is named as an image
 * is a device, a pipe or a socket.
 *
 * @category errors
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

/** An image file as it lies in its folder. @category models @since 0.1.0 */
export interface Labeled {
  /** The bytes of the file. */
  readonly image: Uint8Array
  /** The place of its class among the names of all. */
  readonly label: number
}

/** A link to a folder that was not followed, since that folder's files are in the dataset already. @since 0.1.0 */
export interface Unfollowed {
  readonly path: string
  /** The folder that it leads to, as its real path. */
  readonly target: string
}

/** A dataset of image files, with what its labels mean. @category models @since 0.1.0 */
export interface Folder extends Dataset<Labeled, FolderError | PlatformErrors.PlatformError | DatasetError> {
  /** The names of the classes: those of the subfolders, sorted by their UTF-16 code units. */
  readonly classes: ReadonlyArray<string>
  /** How many files each class has. */
  readonly counts: ReadonlyArray<number>
  /** The path of each sample, such as `photos/cat/12.jpg`; an error names samples by their index. */
  readonly files: ReadonlyArray<string>
  /** The links to folders that were not followed, sorted by path. */
  readonly unfollowed: ReadonlyArray<Unfollowed>
}

/** @category options @since 0.1.0 */
export interface FolderOptions {
  /** What it goes by in errors. Default: the path. */
  readonly name?: string
  /** How many files of one batch are read at once. Default 16. */
  readonly concurrency?: number
}

/**
 * The dataset of the image files in a folder: of each subfolder, which is a class, all files below it that are named as
 * images are (`.jpg`, `.jpeg`, `.png`, `.webp`, `.gif`, `.avif`, in either case), sorted by path. What begins with a dot
 * is left out; images of other formats, such as `.tiff`, and those beside the subfolders are too, and counted by a warning in
 * the log. Files are listed once, here, and read when they are asked for.
 *
 * Links to folders are followed, each folder once: a link into a folder whose files are listed already, such as one that
 * loops, is left out, listed in `unfollowed`, and reported by a warning in the log. A link to a file is a file.
 *
 * Fails with `InvalidOption` unless `concurrency` is a whole number of at least 1; with {@link FolderError} when there is
 * no such folder, when it has no subfolder, or one without an image, and in a run for what is no
 * file; with the platform's `PlatformError` when something cannot be read, in a run, too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const folder = (
  path: string,
  options: FolderOptions = {}
): Effect.Effect<Folder, FolderError | PlatformErrors.PlatformError | InvalidOption, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const { concurrency, name, root } = yield* checked(() => {
      optionsOf("Decode.folder", options, { name: true, concurrency: true })
      return {
        root: textOf("the path of Decode.folder", path, "the path of a folder").replace(/(?<=.)\/+$/, ""),
        name: textOf("name of Decode.folder", options.name ?? path),
        concurrency: whole("concurrency", options.concurrency ?? 16, 1)
      }
    })
    const system = yield* PlatformServices.FileSystem
    const listing = yield* list(system, root)
    const counts: Array<number> = []
    const files: Array<string> = []
    const labels: Array<number> = []
    for (const [label, { files: own, path }] of listing.classes.entries()) {
      if (own.length === 0) {
        const link = listing.unfollowed.find((one) => one.path === path)
        const reason =
          link === undefined
            ? `it has no images (${extensions.join(", ")}); put some there, or move the folder away`
            : `it is a link to ${link.target}, whose images belong to another class already; remove one of the two`
        return yield* new FolderError({ path, reason })
      }
      counts.push(own.length)
      for (const file of own) {
        files.push(file)
        labels.push(label)
      }
    }
    const { loose, others, unfollowed } = listing
    if (loose > 0) {
      yield* Effect.logWarning(
        `${root}: ${plural(loose, "image")} beside the folders of the classes left out; images belong into the folder of their class`
      )
    }
    if (others.size > 0) {
      const counts = Array.from(others, ([extension, count]) => `${count} ${extension}`).toSorted()
      yield* Effect.logWarning(
        `${root}: images of other formats than ${extensions.join(", ")} are left out: ${counts.join(", ")}; convert them, or move them away`
      )
    }
    const [first] = unfollowed
    if (first !== undefined) {
      const links = unfollowed.length === 1 ? "a link was" : `${unfollowed.length} links were`
      yield* Effect.logWarning(
        `${root}: ${links} not followed, as the files behind are listed already; ${first.path} leads to ${first.target}`
      )
    }
    const get = (index: number) => {
      const label = labels[index] as number // the index is below the size, which is the length of both
      const path = files[index] as string // as above
      return Effect.map(readFile(system, path), (image): Labeled => ({ image, label }))
    }
    const classes = listing.classes.map((own) => own.name)
    const lineage = (index: number) => ({ shard: files[index], row: 0 })
    const own = { name, size: files.length, concurrency, get, lineage }
    // A folder may move, so its files are identified by their names within it.
    const dataset = fromEffect(own, "folder", { classes, files: files.map((file) => file.slice(root.length)) })
    return Object.assign(dataset, { classes, counts, files, unfollowed })
  })

/** Reads a file. A pipe in its place would hold the read up for ever, and a device may have no end. */
const readFile = (
  system: FileSystem.FileSystem,
  path: string
): Effect.Effect<Uint8Array, FolderError | PlatformErrors.PlatformError> =>
  Effect.flatMap(
    system.stat(path),
    ({ type }): Effect.Effect<Uint8Array, FolderError | PlatformErrors.PlatformError> => {
      if (type !== "CharacterDevice" && type !== "FIFO" && type !== "Socket") return system.readFile(path)
      return Effect.fail(new FolderError({ path, reason: `it is not a file but a ${type}; remove it` }))
    }
  )

/** What a folder of classes holds. */
interface Listing {
  /** Sorted by name, their files by path. */
  readonly classes: ReadonlyArray<{
    readonly name: string
    readonly path: string
    readonly files: ReadonlyArray<string>
  }>
  readonly unfollowed: ReadonlyArray<Unfollowed>
  /** How many files there are of each format that is not decoded, by their extensions. */
  readonly others: ReadonlyMap<string, number>
  /** How many images lie beside the subfolders, and so have no class. */
  readonly loose: number
}

/** A folder to be looked through: its path, its real path, and the files of its class so far. */
interface Place {
  readonly path: string
  readonly real: string
  readonly files: Array<string>
}

const list = (
  system: FileSystem.FileSystem,
  root: string
): Effect.Effect<Listing, FolderError | PlatformErrors.PlatformError> =>
  Effect.gen(function* () {
    const names = yield* Effect.catchIf(system.readDirectory(root), isNoFolder, (cause) =>
      Effect.fail(new FolderError({ path: root, reason: "there is no such folder; check the path", cause }))
    )
    const home = yield* system.realPath(root)
    /** The real paths of the folders that were looked through, or are about to be. */
    const seen = new Set<string>()
    const unfollowed: Array<Unfollowed> = []
    const others = new Map<string, number>()
    let loose = 0
    // Folders first, then classes that are links, then links within classes: what lies in the folder belongs to its own
    // class, whatever links lead to it.
    const classLinks: Array<Place> = []
    const innerLinks: Array<Place> = []

    /** Returns the place of a folder, `undefined` for anything else; links are put off. */
    const placeOf = (parent: string, name: string, path: string, files: Array<string>, links: Array<Place>) =>
      Effect.gen(function* () {
        const found = yield* Effect.option(system.stat(path))
        if (Option.isNone(found) || found.value.type !== "Directory") return undefined
        const place = { path, real: yield* system.realPath(path), files }
        if (place.real === `${parent === "/" ? "" : parent}/${name}`) return place
        links.push(place)
        return undefined
      })

    const walk = (first: Place) =>
      Effect.gen(function* () {
        const open: Array<Place> = [first]
        for (let place = open.pop(); place !== undefined; place = open.pop()) {
          if (seen.has(place.real)) continue
          seen.add(place.real)
          for (const name of yield* system.readDirectory(place.path)) {
            if (!visible(name)) continue
            const path = `${place.path}/${name}`
            // What is named as an image is taken for a file: to look at each would take longer than to list them.
            if (isImage(name)) place.files.push(path)
            else {
              const inner = yield* placeOf(place.real, name, path, place.files, innerLinks)
              if (inner !== undefined) open.push(inner)
              const other = OTHER.exec(name)?.[0].toLowerCase()
              if (inner === undefined && other !== undefined) others.set(other, (others.get(other) ?? 0) + 1)
            }
          }
        }
      })

    const nextLink = () => classLinks.shift() ?? innerLinks.shift()

    const classes: Array<{ readonly name: string; readonly path: string; readonly files: Array<string> }> = []
    for (const name of names.filter(visible).toSorted()) {
      const path = `${root}/${name}`
      const files: Array<string> = []
      const before = classLinks.length
      const place = yield* placeOf(home, name, path, files, classLinks)
      if (place === undefined && classLinks.length === before) {
        if (isImage(name)) loose++
        continue
      }
      classes.push({ name, path, files })
      if (place !== undefined) yield* walk(place)
    }
    if (classes.length === 0) {
      const reason = "it has no subfolders; it should have one a class, with the class's images in it"
      return yield* new FolderError({ path: root, reason })
    }
    for (let next = nextLink(); next !== undefined; next = nextLink()) {
      // The folder itself, or one that it lies in, would bring all classes in again.
      const around = home === next.real || home.startsWith(next.real === "/" ? "/" : `${next.real}/`)
      if (around || seen.has(next.real)) unfollowed.push({ path: next.path, target: next.real })
      else yield* walk(next)
    }
    return {
      classes: classes.map((own) => ({ ...own, files: own.files.toSorted() })),
      unfollowed: unfollowed.toSorted((one, other) => (one.path < other.path ? -1 : 1)),
      others,
      loose
    }
  })

/** Images of formats that are not decoded, of which other libraries read most. */
const OTHER = /\.(?:tiff?|bmp|dib|heic|heif|jxl|jp2|ppm|pgm|pbm|pnm|svg|tga)$/i

const visible = (name: string): boolean => !name.startsWith(".")

const isNoFolder = (error: PlatformErrors.PlatformError): boolean =>
  error._tag === "SystemError" && (error.reason === "NotFound" || /ENOTDIR|not a directory/i.test(error.message))

const isImage = (name: string): boolean => extensions.some((extension) => name.toLowerCase().endsWith(extension))
