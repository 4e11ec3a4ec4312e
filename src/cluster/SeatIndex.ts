/**
 * Finds seats without a look at all of them, since a loader may have thousands: those that a request was sent to, and the one
 * that has room and the least to do (a binary heap).
 *
 * @since 0.1.0
 */

/** What is asked of a seat. @since 0.1.0 */
export interface Indexed<S> {
  readonly hasRoom: boolean
  /** How much it has to do. */
  readonly load: number
  /** It alone, as a list. */
  readonly itself: ReadonlyArray<S>
  /** Where the index has it; `undefined` if it has no room. The index's own. */
  place: number | undefined
}

/** @since 0.1.0 */
export class SeatIndex<Seat extends Indexed<Seat>> {
  /** The seats of each request that is not answered: one, or more if others were asked, too. */
  readonly #sentTo = new Map<number, ReadonlyArray<Seat>>()
  /** Those that have room; each is before those at twice its place and one or two behind. */
  readonly #heap: Array<Seat> = []

  /** The seats that a request was sent to. */
  at(id: number): ReadonlyArray<Seat> {
    return this.#sentTo.get(id) ?? []
  }

  /** The seat with the fewest requests for each of its threads, of those that have room. */
  get least(): Seat | undefined {
    return this.#heap[0]
  }

  sent(id: number, seat: Seat): void {
    const others = this.#sentTo.get(id)
    this.#sentTo.set(id, others === undefined ? seat.itself : [...others, seat])
  }

  /** A request was answered, or is not wanted of this seat any more. */
  unsent(id: number, seat: Seat): void {
    const others = this.at(id)
    if (others.length > 1)
      this.#sentTo.set(
        id,
        others.filter((own) => own !== seat)
      )
    else if (others[0] === seat) this.#sentTo.delete(id)
  }

  /** A seat has changed: whether it has room, or how much it has to do. */
  changed(seat: Seat): void {
    const { place } = seat
    if (seat.hasRoom) this.#sink(seat, this.#rise(seat, place ?? this.#heap.length))
    else if (place !== undefined) {
      seat.place = undefined
      const last = this.#heap.pop()
      if (last !== undefined && last !== seat) this.#sink(last, this.#rise(last, place))
    }
  }

  /** Puts a seat at a place, or before it while that is that of one with more to do; returns where it is. */
  #rise(seat: Seat, from: number): number {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = this.#heap[above] as Seat // before its own place
      if (other.load <= seat.load) break
      this.#put(other, place)
      place = above
    }
    this.#put(seat, place)
    return place
  }

  /** Moves a seat behind those that have less to do. */
  #sink(seat: Seat, from: number): void {
    let place = from
    for (;;) {
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const isRight = right !== undefined && left !== undefined && right.load < left.load
      const other = isRight ? right : left
      if (other === undefined || other.load >= seat.load) break
      this.#put(other, place)
      place = 2 * place + (isRight ? 2 : 1)
    }
    this.#put(seat, place)
  }

  #put(seat: Seat, place: number): void {
    this.#heap[place] = seat
    seat.place = place
  }
}
