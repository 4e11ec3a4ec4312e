/**
 * Batches that are built on other hosts: runners that build them, and workers whose batches come from there.
 *
 * @since 0.1.0
 */

/** A process that builds batches for loaders. @category modules @since 0.1.0 */
export * as Runner from "./cluster/Runner.ts"
/** Which runners a loader can ask for batches. @category modules @since 0.1.0 */
export * as Runners from "./cluster/RunnerLists.ts"
/** `Workers` of `furrow`, and `Workers.cluster`. @category modules @since 0.1.0 */
export * as Workers from "./cluster/Workers.ts"
