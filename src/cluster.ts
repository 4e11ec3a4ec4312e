/**
 * Batches that are built on other hosts: runners that build them, and workers whose batches come from there.
 *
 * @since 0.1.0
 */

/** Which runners a loader can ask for batches. @category modules @since 0.1.0 */
export * as Runners from "./cluster/RunnerLists.ts"
