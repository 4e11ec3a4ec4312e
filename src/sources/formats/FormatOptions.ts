/**
 * Checks of the options of formats.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../../core/InvalidOption.ts"
import { isOptions, type Names, optionsOf } from "../../core/Options.ts"

/** As `optionsOf`; says where a schema is given, which is an option of the dataset. @since 0.1.0 */
export const formatOptions = <O extends object>(of: string, given: O, names: Names<O>): O => {
  if (isOptions(given) && "schema" in given && !("schema" in names)) {
    const expected = "given to Dataset.open or Dataset.openStream, beside format: it is for rows of any format"
    throw new InvalidOption({ option: `schema of ${of}`, value: given.schema, expected })
  }
  return optionsOf(of, given, names)
}
