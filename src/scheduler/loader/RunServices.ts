/**
 * The services of runs that were opened without Effect, for the test doubles: what a recording has recorded is read from
 * the run.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import { RunNotOpen } from "./Loader.ts"

const services = new WeakMap<object, () => Context.Context<never> | undefined>()

/** Says where a run's services are to be had; `read` gives none before the run has begun. @since 0.1.0 */
export const provide = (run: object, read: () => Context.Context<never> | undefined): void => {
  services.set(run, read)
}

/** The services of a run. Throws `RunNotOpen`. @since 0.1.0 */
export const servicesOf = (run: object, read: string): Context.Context<never> => {
  const context = services.get(run)?.()
  if (context === undefined) throw new RunNotOpen({ read })
  return context
}
