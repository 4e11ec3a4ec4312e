/**
 * The error for a value of Effect that another copy of `effect` made: another major version, whose values cannot run here,
 * or another release of this one, whose services and fiber-local values differ from those here.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * An effect or a layer was made by a copy of `effect` other than the one that Furrow loads.
 *
 * @category errors
 * @since 0.1.0
 */
export class ForeignEffect extends Data.TaggedError("ForeignEffect")<{
  /** Where it was passed, such as `the layer of Scheduler.iterate`. */
  readonly place: string
  /** The version that made it: `4`, or the full version if it is known, such as `3.19.0`. */
  readonly found: string
  /** The version that Furrow loads, such as `3.22.4`. */
  readonly version: string
}> {
  override get message(): string {
    const { found, place, version } = this
    const cure =
      found === "4"
        ? "make it with effect 3 (`npm install effect@3`), or use Furrow without effects of your own"
        : "have one version installed for both (`npm ls effect` shows who wants which)"
    return `${place} was made by effect ${found}, but Furrow runs on effect ${version}: ${cure}`
  }
}
