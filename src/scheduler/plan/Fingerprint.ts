/**
 * What a pipeline is, as text: its dataset, its stages and all that they were made with. A cursor is compared by it with
 * the run that is to go on, and a thread with the run that it works for.
 *
 * What a user's function does cannot be seen; see `Parameters` for how it is declared.
 *
 * @since 0.1.0
 */

import { descriptionOf, isCopied } from "../../core/MadeFor.ts"
import { isMade, Made, short, text, unseen, word } from "../../core/Parameters.ts"
import { sha256 } from "../../core/runtime.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import type { Stage } from "../../pipeline/Stage.ts"
import { samplerMade } from "../../sampling/EpochOrder.ts"
import type { Dataset } from "../../sources/Dataset.ts"
import { knownContent, madeOf } from "../../sources/RandomAccess.ts"
import { placeOf } from "../../sources/shards/Place.ts"
import { look } from "./Content.ts"
import { hex } from "./Digest.ts"
import type { RunPlan } from "./RunPlan.ts"

type AnyPipeline = Pipeline<unknown, unknown, unknown>

const encoder = new TextEncoder()

/** How many bytes a text takes in JSON. */
const bytesInJson = (own: string): number => encoder.encode(JSON.stringify(own)).length - 2

/** The text if it takes no more than so many bytes in JSON; else its beginning and its hash. @since 0.1.0 */
export const bounded = (own: string, most: number): string => {
  if (bytesInJson(own) <= most) return own
  const hash = `… #${short(own)}`
  // By code points, so that none is cut in two.
  const points = Array.from(own)
  let length = points.length
  while (length > 0 && bytesInJson(points.slice(0, length).join("")) + bytesInJson(hash) > most) {
    length = Math.min(length - 1, Math.floor(length * 0.9))
  }
  return points.slice(0, length).join("") + hash
}

/** What cannot be seen of a stage. */
const functionOf = (name: string): string => `the function of stage ${JSON.stringify(name)}`

const madeFrom = (stage: Stage): Made => {
  if (stage._tag === "Sample") return samplerMade(stage.sampler)
  return stage.made ?? new Made("function", undefined, functionOf(stage.id.name))
}

const kindOf = ({ _tag, draws }: Stage): string =>
  _tag === "Effect" ? (draws ? "augmentEffect" : "mapEffect") : _tag.toLowerCase()

/** A stage's kind, name and parameters in a line. */
const line = (stage: Stage, batchSize: number | undefined): string => {
  const own = text(madeFrom(stage))
  if (stage._tag === "Sample") return `sample: ${own}`
  if (stage._tag !== "Batch") return `${kindOf(stage)} ${word(stage.id.name)}: ${own}`
  const { cuts, dropLast, padLast, size } = stage
  const last = dropLast ? ", drop last" : padLast ? ", pad last" : ""
  return `batch: ${batchSize ?? size}${last}${cuts === undefined ? "" : `, ${text(new Made(cuts.name, cuts.parameters))}`}, ${own}`
}

/** A line for each stage, with this batch size or its own, and one for a setting of `Pipeline.ambient` other than the default. @since 0.1.0 */
export const linesOf = ({ ambient, stages }: AnyPipeline, batchSize?: number): ReadonlyArray<string> => [
  ...stages.map((stage) => line(stage, batchSize)),
  ...(ambient === "refuse" ? [] : [`ambient: ${ambient}`])
]

/** The lines of a pipeline, from the longest form to the shortest. */
const forms = (lines: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => [
  lines,
  lines.map((own) => `${own.slice(0, own.indexOf(":"))} #${short(own).slice(0, 8)}`),
  lines.map((own) => `#${short(own).slice(0, 8)}`),
  [`#${short(lines.join("\n"))}`]
]

/** The lines of a pipeline in so many bytes of JSON: as they are, or hashed. @since 0.1.0 */
export const pipelineText = (lines: ReadonlyArray<string>, most: number): string =>
  forms(lines)
    .map((form) => form.join("\n"))
    .find((own, place) => bytesInJson(own) <= most || place === 3) ?? ""

/**
 * How another pipeline, of which a cursor has the text, differs from this one: only the lines that are not in both.
 *
 * @since 0.1.0
 */
export const difference = (
  was: string,
  lines: ReadonlyArray<string>
): { readonly from: string; readonly to: string } => {
  const old = was.split("\n")
  const shared = forms(lines).map((form) => {
    let start = 0
    while (start < old.length && start < form.length && old[start] === form[start]) start++
    let end = 0
    while (end < old.length - start && end < form.length - start && old.at(-1 - end) === form.at(-1 - end)) end++
    return { start, end, form }
  })
  // The one-line form has nothing to compare, nor has a cursor of an older library.
  const { start, end, form } = shared.reduce((best, own) => (own.start + own.end > best.start + best.end ? own : best))
  const rest = (all: ReadonlyArray<string>): string => all.slice(start, all.length - end).join("; ") || "nothing there"
  return { from: rest(old), to: form.length === lines.length ? rest(lines) : lines.join("; ") }
}

/** The names in parameters of datasets that are where they lie: those of `Dataset.open` that were not given. */
const placesIn = (value: unknown): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap(placesIn)
  if (!isMade(value)) return []
  const own = placeOf(value)
  return own === undefined ? placesIn(value.parameters?.["of"]) : [own]
}

/** The name of a dataset, of a view or a concatenation, in which what is named after its place is `shards`. */
const withoutPlaces = (name: string, places: ReadonlyArray<string>): string =>
  places.length === 0
    ? name
    : name
        .split(" + ")
        .map((part) => {
          const place = places.find((own) => part === own || part.startsWith(`${own}, `) || part.startsWith(`${own} [`))
          return place === undefined ? part : `shards${part.slice(place.length)}`
        })
        .join(" + ")

/**
 * What a dataset is: its name, size, content and, if it is a view, of what and how. Shards that were given no name are the
 * same wherever they lie, as their content tells; `"placed"` names their place, as cursors once did.
 *
 * @since 0.1.0
 */
export const datasetText = (
  dataset: Dataset<unknown, unknown, unknown>,
  size: number,
  extent: "brief" | "full",
  most = Number.POSITIVE_INFINITY,
  form: "placed" | "anywhere" = "anywhere"
): string => {
  const { text: content } = look(dataset, size, extent)
  const made = madeOf(dataset)
  const places = form === "placed" || content === "" ? [] : placesIn(made)
  const name = withoutPlaces(dataset.name, places)
  const described = places.reduce((all, own) => all.replaceAll(`name: ${text(own)}`, "name: shards"), text(made))
  const view = Object.keys(made.parameters ?? {}).some((key) => key !== "name") ? `, ${described}` : ""
  const number = dataset.stream === undefined ? `${size} samples` : "a stream"
  const known = `, ${number}${content === "" ? "" : `, content ${content}`}`
  const all = `${name}${known}${view}`
  if (bytesInJson(all) <= most) return all
  const declared = content === "" ? "" : `, content ${bounded(content, 40)}`
  return `${bounded(name, 60)}, ${number}${declared}${view === "" ? "" : `, #${short(view)}`}`
}

/**
 * What of a pipeline can neither be seen nor was declared, in words: cursors do not compare it.
 *
 * @since 0.1.0
 */
export const unseenOf = (pipeline: AnyPipeline): ReadonlyArray<string> => {
  const { dataset, stages } = pipeline
  const { size } = dataset
  const made = madeOf(dataset)
  const { samples } = look(dataset, size)
  const name = JSON.stringify(dataset.name)
  const known = knownContent(dataset)
  const content =
    typeof (known.content ?? known.columnar ?? "") === "string" || samples === size
      ? []
      : [samples === 0 ? `the content of dataset ${name}` : `the content of dataset ${name} but for ${samples} samples`]
  return Array.from(new Set([...content, ...unseen(made), ...stages.flatMap((stage) => unseen(madeFrom(stage)))]))
}

/** What a policy is: its name, and its parameters if it has some. @since 0.1.0 */
export const policyText = (policy: RunPlan["policy"]): string => {
  if (policy === undefined) return "none"
  const { name } = policy
  if (isCopied(policy, "parameters")) return text(new Made(name, undefined))
  const { parameters = {} } = policy
  return Object.keys(parameters).length === 0 ? name : text(new Made(name, parameters))
}

/** What of a runPlan can neither be seen nor was declared: its pipeline and its policy. @since 0.1.0 */
export const unseenOfRun = ({ pipeline, policy }: RunPlan): ReadonlyArray<string> => {
  const own = unseenOf(pipeline)
  if (policy === undefined) return own
  const parameters = descriptionOf(policy, "parameters")
  if (parameters === undefined) return [...own, `the seeds of policy ${JSON.stringify(policy.name)}`]
  return [...own, ...unseen(parameters)]
}

/** What a fingerprint is of, in its order. */
const PARTS = ["its dataset", "its stages", "the samples of an epoch, the workers or the ranks"] as const

/**
 * Three times 64 hexadecimal digits: over the dataset's name, size, views and its content as far as a cursor sees it; over every stage's
 * kind, name and parameters; over the plan's figures.
 *
 * @since 0.1.0
 */
export const fingerprint = ({ pipeline, plan, size }: RunPlan): string => {
  const { count, rank, uneven, workers, world } = plan
  const parts = [datasetText(pipeline.dataset, size, "full"), linesOf(pipeline), [count, rank, workers, world, uneven]]
  return parts.map((part) => hex(sha256(JSON.stringify(part)))).join(" ")
}

/** Which parts of two fingerprints differ, in words; `undefined` if none does. @since 0.1.0 */
export const differing = (one: string, other: string): string | undefined => {
  const [own, others] = [one.split(" "), other.split(" ")]
  const parts = PARTS.filter((_, part) => own[part] !== others[part])
  return parts.length === 0 ? undefined : parts.join(", and ")
}
