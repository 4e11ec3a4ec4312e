/**
 * Closes something when a signal is aborted, without keeping it alive: a signal often lives as long as the program, and
 * runs that were abandoned would pile up at it.
 *
 * @since 0.1.0
 */

/** What can be closed at any time, any number of times, without ever rejecting. */
interface Abandonable {
  readonly abandon: () => Promise<void>
}

/** Removes the listeners of what was collected. */
const collected = new FinalizationRegistry<() => void>((remove) => remove())

/**
 * Listens from the first call to {@link end}. It holds its target only while a call is pending: whoever waits for that
 * call need not hold the target.
 *
 * @since 0.1.0
 */
export class AbortListener {
  readonly #signal: AbortSignal
  readonly #target: WeakRef<Abandonable>
  #pending: Abandonable | undefined
  #calls = 0
  #isListening = false
  readonly #abort = (): void => {
    void (this.#pending ?? this.#target.deref())?.abandon()
  }

  constructor(signal: AbortSignal, target: Abandonable) {
    this.#signal = signal
    this.#target = new WeakRef(target)
    collected.register(target, () => this.end())
  }

  /** A call begins. */
  enter(): void {
    this.#calls++
    this.#pending = this.#target.deref()
    if (this.#isListening) return
    this.#isListening = true
    this.#signal.addEventListener("abort", this.#abort)
  }

  /** A call has ended. Listens no longer if there is no other and the target is `closed`. */
  leave(closed: boolean): void {
    this.#calls--
    if (this.#calls > 0) return
    this.#pending = undefined
    if (closed) this.end()
  }

  /** Listens no longer, until the next call. */
  end(): void {
    this.#isListening = false
    this.#signal.removeEventListener("abort", this.#abort)
  }
}
