/**
 * The program of a process that builds batches: requests come by its standard input, replies go by its standard output.
 */
import process from "node:process"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import "../../../src/index.ts"
import "../../../src/testing.ts"
import { encodeBatch } from "../../../src/scheduler/backends/remote/BatchCodec.ts"
import type { FromMember, MemberStart, ToMember } from "../../../src/scheduler/backends/remote/Protocol.ts"
import * as RemoteBuilder from "../../../src/scheduler/backends/remote/RemoteBuilder.ts"
import { frame, reader } from "./frames.ts"

const say = (message: FromMember): void => {
  process.stdout.write(frame(message))
}

let builder: Promise<RemoteBuilder.RemoteBuilder | undefined> | undefined
/** The batch that is being built; they are built one after the other. */
let last: Promise<void> = Promise.resolve()

const open = async (start: MemberStart): Promise<RemoteBuilder.RemoteBuilder | undefined> => {
  const scope = Effect.runSync(Scope.make())
  const made = Scope.extend(RemoteBuilder.make({ start, encode: encodeBatch }), scope)
  const exit = await Effect.runPromiseExit(made)
  say(Exit.isSuccess(exit) ? { _tag: "Ready" } : { _tag: "Refused", reason: String(exit.cause) })
  return Exit.isSuccess(exit) ? exit.value : undefined
}

const serve = async (message: ToMember): Promise<void> => {
  const own = await builder
  if (message._tag === "Drop") return own?.drop(message.key)
  const { id, request } = message
  const rest = own?.build(request, (reply) => say({ _tag: "Reply", id, reply }))
  if (rest !== undefined) await Effect.runPromise(rest)
}

const read = reader((message) => {
  // The backend says first how to start, and then what to build.
  if (builder === undefined) builder = open(message as MemberStart)
  else last = last.then(() => serve(message as ToMember))
})
process.stdin.on("data", read)
process.stdin.on("end", () => process.exit(0))
