/** Pipelines whose columns go by names that objects have from birth: made of samples, and laid out as columns. */
import { Dataset, Pipeline } from "../../../src/index.ts"

export const names = ["__proto__", "constructor", "hasOwnProperty", "toString", "9", "label"]

const fields = (value: (at: number) => unknown) => Object.fromEntries(names.map((name, at) => [name, value(at)]))

export const records = Pipeline.from(
  Dataset.make({ name: "names", size: 8, get: (index): unknown => fields((at) => 100 * at + index) })
).pipe(Pipeline.batch(4))

export const columns = Pipeline.from(
  Dataset.fromColumns(
    Object.fromEntries(
      names.map((name, at) => [name, Float64Array.from({ length: 8 }, (_, index) => 100 * at + index)])
    )
  )
).pipe(Pipeline.batch(4))

// Names that the compiler does not know, as code without types has them.
const dtypes: Readonly<Record<string, "int32">> = { label: "int32", lable: "int32" }

export const misnamedRecords = Pipeline.from(
  Dataset.make({ name: "records", size: 8, get: (index) => ({ label: index, meta: { size: 1, name: "a" } }) })
).pipe(Pipeline.batch(4, { dtypes }))

export const misnamedColumns = Pipeline.from(
  Dataset.fromColumns({ label: new Uint8Array(8), text: Array.from({ length: 8 }, String) })
).pipe(Pipeline.batch(4, { dtypes }))
