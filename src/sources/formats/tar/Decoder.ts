/**
 * The files of a sample that are taken, and what becomes of each.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../../core/InvalidOption.ts"
import { given } from "../../../core/Options.ts"
import type { Tensor } from "../../../core/Tensor.ts"

/** The field of a sample that holds its key. @since 0.1.0 */
export const KEY = "__key__"

/**
 * What a file's content becomes: its bytes as they are, its text (UTF-8), the value of its JSON, the whole number that it
 * says, the tensor of a NumPy file, or what a function makes of its bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type Decoder = "bytes" | "text" | "json" | "integer" | "npy" | ((bytes: Uint8Array) => unknown)

/** What a decoder makes. @category models @since 0.1.0 */
export type Decoded<D> = D extends "bytes"
  ? Uint8Array
  : D extends "text"
    ? string
    : D extends "integer"
      ? number
      : D extends "npy"
        ? Tensor
        : D extends (bytes: Uint8Array) => infer A
          ? A
          : unknown

const NAMES: ReadonlyArray<unknown> = ["bytes", "text", "json", "integer", "npy"] satisfies ReadonlyArray<Decoder>

/** The fields that are chosen, each with the decoder of its file. @since 0.1.0 */
export interface Chosen {
  readonly fields: ReadonlyArray<readonly [extension: string, decoder: Decoder]>
  readonly optional: ReadonlyArray<string>
}

/** Checks the fields of `Format.tar`. Throws `InvalidOption`. @since 0.1.0 */
export const chosenOf = (fields: unknown, optional: unknown): Chosen => {
  given("fields", fields, 'a record from extensions to decoders, such as { png: "bytes", cls: "integer" }')
  const entries = Object.entries(fields as object) // as `given` has seen
  for (const [extension, decoder] of entries) {
    if (extension === KEY || extension !== extension.toLowerCase()) {
      const expected = `an extension in lower case, and not ${KEY}, which every sample has`
      throw new InvalidOption({ option: "a field of fields", value: extension, expected })
    }
    if (typeof decoder === "function" || NAMES.includes(decoder)) continue
    const expected = `${NAMES.map((name) => JSON.stringify(name)).join(", ")} or a function`
    throw new InvalidOption({ option: `field ${JSON.stringify(extension)}`, value: decoder, expected })
  }
  if (!Array.isArray(optional) || optional.some((extension) => !Object.hasOwn(fields as object, extension))) {
    throw new InvalidOption({ option: "optional", value: optional, expected: "a list of extensions that fields has" })
  }
  return { fields: entries, optional }
}
