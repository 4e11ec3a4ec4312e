/**
 * The progress of a run, on stderr: one line that is written over on a terminal, a plain line an epoch otherwise.
 */
import * as Effect from "effect/Effect"

/** Where a run stands. */
export interface State {
  readonly epoch: number
  readonly epochs: number
  readonly batch: number
  readonly batches: number
  /** Samples since this process began. */
  readonly samples: number
  /** Batches that were taken before it did. */
  readonly before: number
  /** The mean loss of the epoch so far; without training there is none. */
  readonly loss: number | undefined
  /** The share of test digits read right after the last epoch. */
  readonly accuracy: number | undefined
}

/** Shows a run as it goes on. */
export interface Progress {
  readonly show: (state: State) => void
  /** Ends the line. */
  readonly done: () => void
}

const BAR = 20
/** The least time between two writings of the line, in milliseconds: ten a second are enough for eyes. */
const PAUSE = 100

/** A progress that counts from now. */
export const make = (terminal: boolean, write: (text: string) => void): Effect.Effect<Progress> =>
  Effect.sync(() => {
    const started = performance.now()
    let shown = Number.NEGATIVE_INFINITY
    let open = false
    const show = (state: State): void => {
      const now = performance.now()
      const ends = state.batch === state.batches
      if (terminal ? !ends && now - shown < PAUSE : !ends) return
      shown = now
      write(terminal ? `\r${line(state, now - started, true)}\x1b[K` : `${line(state, now - started, false)}\n`)
      open = terminal
    }
    return {
      show,
      done: () => {
        if (open) write("\n")
        open = false
      }
    }
  })

const line = (state: State, milliseconds: number, bar: boolean): string => {
  const { accuracy, batch, batches, before, epoch, epochs, loss, samples } = state
  const total = Math.max(epochs * batches, 1)
  const taken = epoch * batches + batch
  const done = taken / total
  const rate = samples / Math.max(milliseconds / 1000, 1e-9)
  const left = taken > before ? ((milliseconds / 1000) * (total - taken)) / (taken - before) : 0
  const filled = Math.round(done * BAR)
  return [
    bar ? `[${"#".repeat(filled)}${".".repeat(BAR - filled)}]` : "",
    `epoch ${String(epoch + 1).padStart(String(epochs).length)}/${epochs}`,
    bar ? `batch ${batch}/${batches}` : "",
    loss === undefined ? "" : `loss ${loss.toFixed(4)}`,
    accuracy === undefined ? "" : `accuracy ${percent(accuracy)}`,
    `${rate.toFixed(0)} samples/s`,
    `ETA ${left.toFixed(0)} s`
  ]
    .filter((part) => part !== "")
    .join("  ")
}

/** A share as per cent, to a tenth of one in a thousand. */
export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`
