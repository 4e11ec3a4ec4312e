/**
 * What the constructors of stages share.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { functionOf } from "../core/Options.ts"
import { declared, Made, type ParametersOption, valid } from "../core/Parameters.ts"
import { type StageId, stageId } from "../seeding/Coordinates.ts"
import { append, isPipeline } from "./PipelineValue.ts"
import type { Stage } from "./Stage.ts"

/**
 * Returns a constructor that takes the pipeline before the arguments of `make`, or the arguments alone and then the
 * pipeline. `make` checks its arguments at once in either case, which `dual` of `effect/Function` would put off.
 *
 * Its signatures are for the caller to write down: they say which arguments `make` takes and what the pipeline delivers.
 *
 * @since 0.1.0
 */
export const stageConstructor =
  <Args extends ReadonlyArray<unknown>>(make: (...args: Args) => Stage) =>
  (...args: ReadonlyArray<unknown>): never => {
    const [self, ...rest] = args
    if (isPipeline(self)) return erase(append(self, make(...erase(rest))))
    const stage = make(...erase(args))
    return erase((pipeline: unknown) => append(pipeline, stage))
  }

/** Names that the machinery's own steps go by in coordinates and errors. */
const RESERVED = new Set(["dataset", "sample", "batch"])

/** Returns the id of a stage that a caller names. @since 0.1.0 */
export const named = (name: string): StageId => {
  if (typeof name === "string" && name.trim() !== "" && !RESERVED.has(name)) return stageId(name)
  const before = typeof name === "function" ? ', before the function (`Pipeline.map("name", f)`)' : ""
  const expected = `a name that is not empty and none of ${[...RESERVED].join(", ")}${before}`
  throw new InvalidOption({ option: "stage name", value: name, expected })
}

/** Returns the function of a stage that a caller names. @since 0.1.0 */
export const runOf = <F>(name: string, run: F): never =>
  erase(functionOf(`the function of stage ${JSON.stringify(name)}`, run))

/** Returns what a stage's function was made with: as its constructor declared it, and as its user did. @since 0.1.0 */
export const madeOf = (name: string, run: unknown, options: ParametersOption): Made | undefined => {
  const own = valid(`parameters of stage ${JSON.stringify(name)}`, options.parameters)
  const built = declared(run)
  if (built === undefined) return own === undefined ? undefined : new Made("function", own)
  return own === undefined ? built : new Made(built.name, { ...built.parameters, declared: own })
}

/**
 * A stage's function without its types. Sound where it is used: `append` puts it behind the very pipeline whose items
 * it takes, as the signatures above have it, and a pipeline is only ever run from its first stage to its last.
 *
 * @since 0.1.0
 */
export const erase = <F>(run: F): never => run as never
