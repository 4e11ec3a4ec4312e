import type { Scheduler } from "../../src/index.ts"

/** What a test's helper is told of a run; which epochs are delivered where nothing is said, the helper knows. */
export type PartialOptions = Scheduler.RunOptions & { readonly epochs?: number; readonly from?: unknown }
