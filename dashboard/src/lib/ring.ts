// The newest events of one kind, in the order in which they came, and what had come by a moment.

export class Ring<T extends { t: number }> {
  items: T[] = [];
  /** How many have come in all, and are gone. */
  private dropped = 0;

  constructor(private readonly max: number) {}

  push(item: T) {
    this.items.push(item);
    // In bulk, because shifting a long list for each event is what makes a busy page slow.
    if (this.items.length <= this.max * 1.2) return;
    const gone = this.items.length - this.max;
    this.items.splice(0, gone);
    this.dropped += gone;
  }

  /** All that came from here on is there; 0 if nothing is gone. */
  get since(): number {
    return this.dropped > 0 ? (this.items[0]?.t ?? 0) : 0;
  }

  /** How many had come by a moment, of all there ever were: two moments with the same are alike. */
  countUntil(until: number): number {
    if (until === Infinity) return this.dropped + this.items.length;
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle]!.t <= until) low = middle + 1;
      else high = middle;
    }
    return this.dropped + low;
  }

  /** The last of the first `count` that ever came. */
  last(count: number, most: number): T[] {
    const end = Math.max(0, count - this.dropped);
    return this.items.slice(Math.max(0, end - most), end);
  }
}
