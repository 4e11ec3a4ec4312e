/**
 * A view whose content is declared.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { DECLARED, Made } from "../../core/Parameters.ts"
import { type Dataset, datasetOf, madeOf } from "../RandomAccess.ts"
import { datasetFirst, placed, same } from "./View.ts"

const check = (first: string, ...rest: ReadonlyArray<string>): string =>
  rest.length > 0 ? datasetOf("the dataset with a content", first) : contentOf(first)

const contentOf = (content: string): string => {
  if (typeof content === "string" && content !== "") return content
  throw new InvalidOption({ option: "content", value: content, expected: "a text, such as the hash of its files" })
}

/**
 * Declares what a dataset holds: the hash of its files, a version, a date. A cursor then tells it from another content of
 * the same name and size, and refuses that. Datasets of arrays and columns do not need it: their samples are looked at.
 * Throws `InvalidOption` for an empty text.
 *
 * @example
 * import { Dataset } from "furrow"
 *
 * const photos = Dataset.make({ name: "photos", size: 1000, get: (index) => `photo ${index}` })
 * console.assert(photos.pipe(Dataset.withContent("2024-05-01")).content === "2024-05-01")
 *
 * @category views
 * @since 0.1.0
 */
export const withContent: {
  (content: string): <A, E, R>(self: Dataset<A, E, R>) => Dataset<A, E, R>
  <A, E, R>(self: Dataset<A, E, R>, content: string): Dataset<A, E, R>
} = dual(datasetFirst(check), <A, E, R>(self: Dataset<A, E, R>, own: string): Dataset<A, E, R> => {
  const content = contentOf(own)
  const { name } = datasetOf("the dataset with a content", self)
  // What is declared speaks for all that cannot be seen below it.
  const made = new Made("withContent", { of: madeOf(self) }, DECLARED)
  return placed(self, { name, made, size: () => self.size, place: same, content })
})
