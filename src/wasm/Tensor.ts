/**
 * Tensors: typed arrays with a shape, in ordinary memory or in memory that kernels and all threads see.
 *
 * @since 0.1.0
 */
export {
  type ArrayOf,
  type DType,
  dtypeOf,
  isTypedArray,
  make,
  Tensor,
  type TypedArray
} from "../core/Tensor.ts"
export { resident } from "./Resident.ts"
