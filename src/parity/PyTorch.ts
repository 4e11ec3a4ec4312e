/**
 * PyTorch's random numbers on the CPU, number by number, and its DataLoader as a machine of seeds.
 *
 * @example
 * import { PyTorch, Rng } from "furrow"
 *
 * const torch = PyTorch.manualSeed(0)
 * console.assert(torch.randint(0, 1000) === Rng.make(PyTorch.TorchGenerator.seed(0)).integer(1000))
 *
 * @since 0.1.0
 */

/** What PyTorch's loader draws, in which order. */
export { type EpochSeeds, epochSeeds, type Library, loaderLength, type Options, randomSampler } from "./Loader.ts"
/** The generator, and its seeds. @category generators @since 0.1.0 */
export * as TorchGenerator from "./pytorch/TorchGenerator.ts"
/** `torch.Generator().manual_seed`. */
export { manualSeed } from "./pytorch/TorchGenerator.ts"
