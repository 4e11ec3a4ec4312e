/**
 * A data service: one process builds batches, trainers elsewhere take them.
 *
 * @since 0.1.0
 */
export { type ConnectOptions, connect } from "./Connect.ts"
export { ServiceError } from "./Connection.ts"
export { FrameError } from "./Frame.ts"
export { type Remote, type RemoteOptions, remote } from "./Remote.ts"
export {
  DigestMismatch,
  type RemoteEpoch,
  type RemoteError,
  type RemoteLoader,
  type RemoteStats
} from "./RemoteLoader.ts"
export type { RunSpec } from "./RunSpec.ts"
export { type Limits, type Told, TooManyRuns, type WorkersOf } from "./Runs.ts"
export { ListenError, type ServeOptions, type Service, serve } from "./Serve.ts"
export { NotSendable } from "./WireValue.ts"
