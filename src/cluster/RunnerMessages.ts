/**
 * What a loader and a runner tell each other, as the heads and parts of frames.
 *
 * ```text
 * loader → runner   hello (versions, token, compression) · open (the run) · build · cancel · kill · drop
 * runner → loader   welcome (versions, threads, compression) · refused · ready · built · failed · lost · draining
 * ```
 *
 * @since 0.1.0
 */
import { isRecord } from "../core/Record.ts"
import { runtime } from "../core/runtime.ts"
import { shown } from "../core/Show.ts"
import { Tensor } from "../core/Tensor.ts"
import { version } from "../core/Version.ts"
import type { BuiltElsewhere } from "../scheduler/backends/remote/Member.ts"
import type {
  AttemptFailed,
  BatchRequest,
  EncodedError,
  MemberStart,
  StageSeeds
} from "../scheduler/backends/remote/Protocol.ts"
import { partsOf, type Received, withClamped } from "../service/FrameBytes.ts"
import { Packing, pack, unpack } from "../service/WireValue.ts"
import type { Built } from "./Builders.ts"
import type { FrameSocket } from "./FrameSocket.ts"

/** Is raised whenever messages change. */
const PROTOCOL = 3

/** The most batches that a loader may have ordered of a runner at once. @since 0.1.0 */
export const MOST_ORDERS = 4096

/** Of these where streams are carried: what is built again comes on top, and what is just being cancelled. @since 0.1.0 */
export const MOST_CARRIED = MOST_ORDERS / 2

/** What each side says of itself first. @since 0.1.0 */
export const identity = { protocol: PROTOCOL, version, runtime: `${runtime.name} ${runtime.version}` } as const

/** In what the other side's versions differ from this side's; `undefined` if they go together. @since 0.1.0 */
export const versionsDiffer = (theirs: Readonly<Record<string, unknown>>): string | undefined => {
  if (theirs["protocol"] !== PROTOCOL) return `its protocol is ${shown(theirs["protocol"])}, and not ${PROTOCOL}`
  if (theirs["version"] !== version) return `its version of furrow is ${shown(theirs["version"])}, and not ${version}`
  return undefined
}

/** The longest hello: whoever sends it has not shown a token. @since 0.1.0 */
export const BEFORE_HELLO = { longestHead: 2 ** 16, longestBody: 0 } as const

/** Sends a message: `of` as its head, with all tensors and typed arrays in it as parts. Throws `NotSendable`. @since 0.1.0 */
export const send = (
  socket: FrameSocket,
  kind: string,
  of: Readonly<Record<string, unknown>> = {},
  left?: () => void
): void => {
  const packing = new Packing()
  const { parts } = packing
  const packed: Record<string, unknown> = { kind }
  for (const key in of) if (of[key] !== undefined) packed[key] = pack(of[key], packing, key)
  socket.send(withClamped(packed, parts), parts, left)
}

/** A field of a message; it shares no memory with the frame, which is used again. Throws a `RangeError`. @since 0.1.0 */
export const fieldOf = (frame: Received, name: string): unknown =>
  unpack(frame.head[name], {
    part: partsOf(frame),
    tensor: ({ data, shape }) => new Tensor(data.slice(), shape),
    array: ({ data }) => data.slice()
  })

/** A number or a text of a message. Throws a `RangeError`. @since 0.1.0 */
export const numberIn = ({ head }: Received, name: string): number => {
  const own = head[name]
  if (typeof own === "number" && Number.isSafeInteger(own)) return own
  throw new RangeError(`its ${name} is no whole number`)
}

/** @since 0.1.0 */
export const textIn = ({ head }: Received, name: string): string => {
  const own = head[name]
  if (typeof own === "string") return own
  throw new RangeError(`its ${name} is no text`)
}

/** A run as it is sent: the buffers of its config as bytes. @since 0.1.0 */
export const packableStart = ({ config, ...start }: MemberStart): Readonly<Record<string, unknown>> => ({
  ...start,
  config: {
    value: config.value,
    arrays: config.arrays.map(({ buffer, ...own }) => ({ ...own, bytes: new Uint8Array(buffer) }))
  }
})

/** The run that {@link packableStart} made ready, of a module of the runner's own. Throws a `RangeError`. @since 0.1.0 */
export const startIn = (frame: Received): MemberStart => {
  const start = fieldOf(frame, "start")
  if (!isRecord(start) || !isRecord(start["config"])) throw new RangeError("it has no run")
  const { arrays, value } = start["config"]
  if (!Array.isArray(arrays)) throw new RangeError("its config has no arrays")
  const own = arrays.map((one: unknown) => {
    if (!isRecord(one) || !(one["bytes"] instanceof Uint8Array))
      throw new RangeError("an array of its config is broken")
    const { bytes, ...rest } = one
    return { ...rest, buffer: bytes.buffer }
  })
  // What else does not fit shows when the pipeline is built from it.
  return { ...start, config: { value, arrays: own } } as unknown as MemberStart
}

/** A request for a batch. Throws a `RangeError`. @since 0.1.0 */
export const requestIn = (frame: Received): BatchRequest => {
  const request = fieldOf(frame, "request")
  if (
    isRecord(request) &&
    ["epoch", "batch", "worker", "position", "ordinal"].every((name) => Number.isSafeInteger(request[name])) &&
    request["indices"] instanceof Float64Array &&
    Array.isArray(request["seeds"])
  ) {
    // What else is in it goes into the batch alone.
    return request as unknown as BatchRequest
  }
  throw new RangeError("its request is of no batch")
}

/** An attempt that failed, as it is sent: what of its errors cannot be sent stands as text. @since 0.1.0 */
export const packableFailure = ({ errors, observed, retried }: AttemptFailed): Readonly<Record<string, unknown>> => ({
  errors: errors.map(sendable),
  retried,
  observed
})

const sendable = (error: EncodedError): EncodedError => {
  if (error._tag === "Same") return error
  if (error._tag === "Value") {
    try {
      pack(error.value, new Packing())
      return error
    } catch {
      return { _tag: "Value", value: shown(error.value) }
    }
  }
  return {
    ...error,
    fields: error.fields.map(([key, own]) => [key, sendable(own)] as const),
    cause: error.cause === undefined ? undefined : sendable(error.cause),
    errors: error.errors?.map(sendable)
  }
}

/** The failed attempt in a frame. @since 0.1.0 */
export const failureIn = (frame: Received): AttemptFailed => {
  const errors = fieldOf(frame, "errors")
  if (!Array.isArray(errors)) throw new RangeError("it has no errors")
  const observed = fieldOf(frame, "observed") as StageSeeds | undefined // a runner of this version sends nothing else
  return {
    _tag: "Failed",
    errors: errors as ReadonlyArray<EncodedError>, // as above
    retried: numberIn(frame, "retried"),
    ...(observed === undefined ? {} : { observed })
  }
}

/** What is told of a batch beside its columns, as it is sent. @since 0.1.0 */
export const packableAbout = ({ draws, hash, observed, retried, times }: Built): Readonly<Record<string, unknown>> => ({
  ...(hash === undefined ? {} : { hash }),
  ...(observed === undefined ? {} : { observed }),
  ...(draws === undefined || draws.length === 0 ? {} : { draws }),
  ...(retried === undefined ? {} : { retried }),
  ...(times === undefined ? {} : { times })
})

/** What is told of a batch beside its columns. @since 0.1.0 */
export const aboutIn = (
  frame: Received
): Pick<BuiltElsewhere, "observed" | "draws" | "times" | "retried"> & { readonly hash: Uint8Array | undefined } => {
  const about = fieldOf(frame, "about")
  if (!isRecord(about)) throw new RangeError("nothing is told of its batch")
  return about as ReturnType<typeof aboutIn> // a runner of this version sends nothing else
}
