/**
 * How long loaders and runners wait for each other, in milliseconds. None of it is an option: what users may choose is in
 * `Workers.cluster`. A simulated network has shorter ones.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export interface Timing {
  /** How often a sign of life is sent. */
  readonly beat: number
  /** How often a loader looks for runners that take long. */
  readonly look: number
  /** How long a runner may take to answer at all. */
  readonly answer: number
  /** How long a loader may take to say which run it wants. */
  readonly opening: number
  /** How long a loader may be silent: its thread may be at a long training step. */
  readonly loaderSilence: number
  /** How long a runner rests before it is tried again: twice as long each time; or once it has refused. */
  readonly rest: { readonly first: number; readonly longest: number; readonly refused: number }
}

/** @since 0.1.0 */
export const TIMING: Timing = {
  beat: 1000,
  look: 100,
  answer: 5000,
  opening: 10_000,
  loaderSilence: 60_000,
  rest: { first: 100, longest: 2000, refused: 10_000 }
}
