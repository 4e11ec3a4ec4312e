/**
 * `forEach` for code without Effect: a step for each batch, one after the other.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { functionOf } from "../../core/Options.ts"
import { RunInUse } from "./Loader.ts"

/** Where batches come from. */
interface Source<A> {
  /** The next batch; `undefined` at the end. Its error has closed the run. */
  readonly next: () => A | undefined | Promise<A | undefined>
  /** Closes the run, since a step failed. Never rejects. */
  readonly leave: () => Promise<void>
}

/** The steps of a run: all batches are theirs while they are under way. @since 0.1.0 */
export class Steps {
  #areUnderWay = false

  /** Throws `RunInUse` if steps are under way: a call from within one would take the batch of the next one. */
  refuse(call: string): void {
    if (this.#areUnderWay) throw new RunInUse({ call })
  }

  /** Calls `step` with each batch that is left. Rejects with the first error, of a batch or of a step, as it is. */
  async each<A>(step: (batch: A) => unknown, { leave, next }: Source<A>): Promise<void> {
    functionOf("the step of forEach", step)
    this.refuse("forEach")
    this.#areUnderWay = true
    try {
      for (;;) {
        const asked = next()
        const batch = asked instanceof Promise ? await asked : asked
        if (batch === undefined) return
        try {
          await done(step(batch))
        } catch (thrown) {
          await leave()
          throw thrown
        }
      }
    } finally {
      this.#areUnderWay = false
    }
  }
}

/** Returns what a step returned, to be awaited. An effect would never run. */
const done = (result: unknown): unknown => {
  if (!Effect.isEffect(result)) return result
  const expected = "a function that returns a promise, or is done when it returns; for effects there is Loader.forEach"
  throw new InvalidOption({ option: "the step of forEach", value: "an effect", expected })
}
