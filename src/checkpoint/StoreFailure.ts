/**
 * What the platform says went wrong, in the words of a checkpoint.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { CheckpointError, type Kind } from "./CheckpointError.ts"

const remedies: Partial<Readonly<Record<Kind, string>>> = {
  full: "make room or name another place; the checkpoints before it are as they were",
  denied: "allow this process to write there, or name another place; the checkpoints before it are as they were",
  missing: "name one that is there"
}
const REMEDY = "try again or name another place; the checkpoints before it are as they were"

/** Platforms hand on the system's code only inside of what caused it. */
const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""

/** What systems say that open no folders; a file system that is not the system's gives no code. */
const NO_FILE: ReadonlySet<string> = new Set(["", "EISDIR", "EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP"])

/** Whether a folder was not opened since it is none that can be; anything else may have come in between. */
export const isNoFile = ({ cause }: PlatformError): boolean => NO_FILE.has(codeOf(cause))

const kindOf = (error: PlatformError): Kind => {
  const code = codeOf(error.cause)
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") return "full"
  if (code === "EROFS" || code === "EPERM" || code === "EACCES") return "denied"
  if (error._tag === "BadArgument") return "io"
  if (error.reason === "PermissionDenied") return "denied"
  return error.reason === "NotFound" ? "missing" : "io"
}

const words: Partial<Readonly<Record<Kind, string>>> = {
  full: "no space is left",
  denied: "it is not allowed",
  missing: "it is not there"
}

/** The error of a platform as that of a checkpoint; `wrong` says what could not be done. */
export const described =
  (path: string, wrong: string) =>
  (error: PlatformError): CheckpointError => {
    const kind = kindOf(error)
    const why = words[kind] ?? error.description ?? error.message
    return new CheckpointError({ kind, path, wrong: `${wrong}: ${why}`, remedy: remedies[kind] ?? REMEDY })
  }

/** Whether a path is a link, wherever it leads. */
export const isLink = (fs: FileSystem, path: string): Effect.Effect<boolean> => Effect.isSuccess(fs.readLink(path))
