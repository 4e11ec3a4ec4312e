/** Counts the intervals that were begun since and not ended. */
export const liveTimers = () => {
  const { clearInterval, setInterval } = globalThis
  const live = new Set<unknown>()
  Object.assign(globalThis, {
    setInterval: (...args: Parameters<typeof setInterval>): unknown => {
      const timer = setInterval(...args)
      live.add(timer)
      return timer
    },
    clearInterval: (timer: unknown): void => {
      live.delete(timer)
      Reflect.apply(clearInterval, globalThis, [timer])
    }
  })
  return {
    get live(): number {
      return live.size
    },
    close: (): void => {
      Object.assign(globalThis, { clearInterval, setInterval })
    }
  }
}
