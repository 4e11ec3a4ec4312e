/**
 * The store of datasets on the Hugging Face Hub, by its tree and resolve addresses, or in a folder of the same layout.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { fileDriver } from "./File.ts"
import { guarded, type Reading } from "./Guard.ts"
import { type HttpReads, httpReads } from "./Http.ts"
import { versionOf } from "./http/Ranges.ts"
import { type Send, statusError, textOf } from "./http/Requests.ts"
import { addressOf } from "./Location.ts"
import { storeOf } from "./Routes.ts"
import { isTransient, StoreError } from "./StoreError.ts"
import { ADDRESS, type Driver, type Listed } from "./StoreService.ts"

/** A place on the Hub. */
interface Place {
  readonly repository: string
  readonly revision: string
  /** Within the repository; empty for all of it. */
  readonly path: string
}

/** A commit is a revision that never changes. */
const COMMIT = /^[0-9a-f]{40}$/

const LOCATION = /^hf:\/\/datasets\/([^/@]+\/[^/@]+)(?:@([^/]+))?(?:\/(.*))?$/s

/** A revision with a slash is written as %2F, as the Hub's own tools do. */
const placeOf = (location: string): Effect.Effect<Place, StoreError> => {
  const parts = LOCATION.exec(location)
  if (parts !== null) {
    const [, repository = "", revision = "main", path = ""] = parts
    return Effect.succeed({ repository, revision: unescaped(revision), path })
  }
  const reason = "a location on the Hub is hf://datasets/ORG/NAME[@revision][/folder, file or split]"
  return Effect.fail(new StoreError({ location, kind: "unsupported", reason }))
}

const unescaped = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const escaped = (path: string): string => path.split("/").map(encodeURIComponent).join("/")

/** The Hub's own rule: the split's name in the path, with something that is no letter at both ends. */
const isOfSplit = (path: string, split: string): boolean => {
  const name = split.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  return new RegExp(`(?:^|[-._ 0-9/])${name}(?:[-._ 0-9/]|$)`).test(path)
}

/** What the Hub says of itself, and is no data. */
const isAbout = (path: string): boolean => /(?:^|\/)(?:\.git.*|README\.md|LICENSE.*|dataset_infos\.json)$/i.test(path)

/** @since 0.1.0 */
export interface HuggingFaceParts {
  readonly endpoint: string
  readonly token: Option.Option<Redacted.Redacted>
  readonly send: Send
  readonly reading: Reading
  readonly wholeBytes: number
}

/** @since 0.1.0 */
export const huggingFaceDriver = ({
  endpoint,
  reading,
  send,
  token,
  wholeBytes
}: HuggingFaceParts): Driver & Pick<HttpReads, "close"> => {
  const base = endpoint.replace(/\/+$/, "")
  const headers = Option.match(token, {
    onNone: () => ({}),
    onSome: (own) => ({ authorization: `Bearer ${Redacted.value(own)}` })
  })
  const one = Effect.unsafeMakeSemaphore(1)
  /** The commits that revisions led to when they were first looked up: an opened dataset does not change in the middle. */
  const commits = new Map<string, string>()
  const keyOf = ({ repository, revision }: Place): string => `${repository}@${revision}`

  const lookUp = (location: string, place: Place): Effect.Effect<string, StoreError> =>
    Effect.suspend(() => {
      const known = commits.get(keyOf(place))
      if (known !== undefined) return Effect.succeed(known)
      const url = `${base}/api/datasets/${place.repository}/revision/${encodeURIComponent(place.revision)}`
      return Effect.map(asked(location, url), ([text]) => {
        const commit = commitIn(text) ?? place.revision
        commits.set(keyOf(place), commit)
        return commit
      })
    })

  /** A place at its commit; as it is where the server does not tell. What is wrong with it is seen by the next request. */
  const pinned = (location: string, place: Place): Effect.Effect<Place, StoreError> =>
    COMMIT.test(place.revision)
      ? Effect.succeed(place)
      : one
          .withPermits(1)(lookUp(location, place))
          .pipe(
            Effect.map((revision) => ({ ...place, revision })),
            Effect.catchIf(
              (error) => !isTransient(error),
              () => {
                commits.set(keyOf(place), place.revision)
                return Effect.succeed(place)
              }
            )
          )

  /** The text of an answer of the Hub's own, and the address of its next page. */
  const asked = (location: string, url: string) =>
    guarded(
      reading,
      location,
      0,
      Effect.scoped(
        Effect.flatMap(send(location, { method: "GET", url, headers }), (answer) =>
          answer.status === 200
            ? Effect.map(textOf(location, answer.body), (text) => [text, nextOf(answer.headers["link"], url)] as const)
            : Effect.fail(statusError(location, answer))
        )
      )
    )

  const reads = httpReads({
    reading,
    send,
    wholeBytes,
    request: (object, own) =>
      Effect.map(placeOf(addressOf(object)), ({ path, repository, revision }) => ({
        ...own,
        url: `${base}/datasets/${repository}/resolve/${encodeURIComponent(revision)}/${escaped(path)}`,
        headers: { ...headers, ...own.headers }
      })),
    // Large files are redirected to other servers, which have ETags of their own.
    version: ({ first, headers }) =>
      first["x-linked-etag"] ?? versionOf(first["location"] === undefined ? headers : {}),
    // Small ones may be compressed on the way.
    size: ({ first }) => (/^\d{1,15}$/.test(first["x-linked-size"] ?? "") ? Number(first["x-linked-size"]) : undefined),
    found: (object, { first }) => {
      const commit = first["x-repo-commit"] ?? ""
      const [, repository, revision = "main"] = LOCATION.exec(addressOf(object)) ?? []
      if (!COMMIT.test(commit)) return object
      commits.set(`${repository}@${unescaped(revision)}`, commit)
      return at(object, commit)
    }
  })

  const stat: Driver["stat"] = (object) =>
    Effect.flatMap(placeOf(addressOf(object)), (place) =>
      Effect.flatMap(pinned(object.location, place), ({ revision }) => reads.stat(at(object, revision)))
    )

  /** A page of a folder, and the address of the next one. */
  const page = (location: string, url: string) =>
    Effect.flatMap(asked(location, url), ([text, next]) =>
      Effect.map(filesOf(location, text), (files) => [files, next] as const)
    )

  const tree = (location: string, { path, repository, revision }: Place): Stream.Stream<HubFile, StoreError> => {
    const folder = path.replace(/\/+$/, "")
    const below = folder === "" ? "" : `/${escaped(folder)}`
    const first = `${base}/api/datasets/${repository}/tree/${encodeURIComponent(revision)}${below}?recursive=true`
    return Stream.paginateChunkEffect(first, (url: string) =>
      Effect.map(
        page(location, url),
        ([files, next]) => [Chunk.fromIterable(files), Option.fromNullable(next)] as const
      )
    )
  }

  const list: Driver["list"] = (folder) =>
    Stream.unwrap(
      Effect.map(
        Effect.flatMap(placeOf(folder), (place) => pinned(folder, place)),
        (place) => {
          const root = folder.slice(0, folder.length - place.path.length).replace(/\/*$/, "/")
          const split = place.path.replace(/\/+$/, "")
          const found = (files: Stream.Stream<HubFile, StoreError>) =>
            Stream.map(
              Stream.filter(files, ({ path }) => !isAbout(path)),
              ({ path, size }): Listed => at({ location: `${root}${path}`, size }, place.revision)
            )
          return found(tree(folder, place)).pipe(
            Stream.catchAll((error) =>
              error.kind === "missing" && /^[^/]+$/.test(split)
                ? found(Stream.filter(tree(folder, { ...place, path: "" }), ({ path }) => isOfSplit(path, split)))
                : Stream.fail(error)
            )
          )
        }
      )
    )

  return {
    ...reads,
    stat,
    list,
    write: (location) =>
      Effect.fail(
        new StoreError({ location, kind: "unsupported", reason: "the Hub is only read; write to files or S3" })
      )
  }
}

/** An object at a commit: its location stays, what is asked for is another address. */
const at = (object: Listed, revision: string): Listed => {
  const parts = COMMIT.test(revision) ? LOCATION.exec(object.location) : null
  return parts === null ? object : { ...object, [ADDRESS]: `hf://datasets/${parts[1]}@${revision}/${parts[3] ?? ""}` }
}

const commitIn = (text: string): string | undefined => {
  try {
    const { sha }: { readonly sha?: unknown } = JSON.parse(text)
    return typeof sha === "string" && COMMIT.test(sha) ? sha : undefined
  } catch {
    return undefined
  }
}

interface HubFile {
  readonly path: string
  readonly size: number
}

const filesOf = (location: string, text: string): Effect.Effect<ReadonlyArray<HubFile>, StoreError> => {
  const reason = "the Hub's answer is no list of files"
  return Effect.flatMap(
    Effect.try({
      try: (): unknown => JSON.parse(text),
      catch: () => new StoreError({ location, kind: "invalid", reason })
    }),
    (all) =>
      Array.isArray(all)
        ? Effect.succeed(all.filter(isEntry).filter(isFile))
        : Effect.fail(new StoreError({ location, kind: "invalid", reason }))
  )
}

const isEntry = (value: unknown): value is HubFile & { readonly type: string } =>
  typeof value === "object" &&
  value !== null &&
  "path" in value &&
  typeof value.path === "string" &&
  "type" in value &&
  typeof value.type === "string"

/** Names that climb lead out of the repository. */
const isFile = ({ path, size, type }: HubFile & { readonly type: string }): boolean =>
  type === "file" && Number.isSafeInteger(size) && size >= 0 && !path.split("/").some((part) => /^\.{0,2}$/.test(part))

/** The next page, which has to lie on the same server: the token goes there. */
const nextOf = (link: string | undefined, from: string): string | undefined => {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1]
  if (target === undefined || !URL.canParse(target, from)) return undefined
  const url = new URL(target, from)
  return url.origin === new URL(from).origin ? url.href : undefined
}

/** The same locations in a folder that is laid out like the Hub: `FOLDER/datasets/ORG/NAME[@revision]/…`. @since 0.1.0 */
export const localHubDriver = (folder: string): Driver => {
  const files = storeOf(fileDriver)
  const root = folder.replace(/\/+$/, "")
  const pathOf = (location: string): Effect.Effect<string, StoreError> =>
    Effect.flatMap(placeOf(location), ({ path }) => {
      const isClimbing = path.split("/").includes("..")
      const reason = "a name that climbs leads out of the dataset"
      return isClimbing
        ? Effect.fail(new StoreError({ location, kind: "unsupported", reason }))
        : Effect.succeed(`${root}/${location.slice("hf://".length)}`)
    })
  const named = (location: string) => (error: StoreError) => {
    const reason = error.kind === "missing" ? notIn(location) : error.reason
    return new StoreError({ location, kind: error.kind, reason, cause: error.cause })
  }
  /** Where an object was looked for. */
  const notIn = (location: string): string => {
    const dataset = `${root}/${location.slice("hf://".length).split("/").slice(0, 3).join("/")}`
    const revisions = "the files of a revision are in a folder of its own, NAME@revision"
    return `there is no such file, folder or split in ${dataset}${dataset.includes("@") ? `; ${revisions}` : ""}`
  }
  const within = (location: string) => Effect.map(pathOf(location), (path) => ({ location: path }))
  const list: Driver["list"] = (folder) =>
    Stream.unwrap(
      Effect.map(pathOf(folder), (path) => {
        const split = /^hf:\/\/datasets\/[^/]+\/[^/]+\/([^/]+)\/?$/.exec(folder)?.[1]
        const found = (top: string) =>
          Stream.map(files.list(top), ({ location }) => ({ location: `hf://${location.slice(root.length + 1)}` })).pipe(
            Stream.filter(({ location }) => !isAbout(location))
          )
        return found(path).pipe(
          Stream.catchAll((error) =>
            error.kind === "missing" && split !== undefined
              ? Stream.filter(found(path.slice(0, path.lastIndexOf(`${split}`))), ({ location }) =>
                  isOfSplit(location.split("/").slice(4).join("/"), split)
                )
              : Stream.fail(named(folder)(error))
          )
        )
      })
    )
  return {
    list,
    stat: (object) =>
      Effect.flatMap(within(object.location), files.stat).pipe(
        Effect.map(({ size, version }) => ({ ...object, size, version })),
        Effect.mapError(named(object.location))
      ),
    read: (info, offset, length) =>
      Effect.flatMap(within(info.location), (own) => files.read({ ...info, ...own }, offset, length)).pipe(
        Effect.mapError(named(info.location))
      ),
    write: (location) =>
      Effect.fail(new StoreError({ location, kind: "unsupported", reason: "the Hub's folder is only read" }))
  }
}
