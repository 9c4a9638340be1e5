/** Heights of many rows: sums in logarithmic time, so that a list of ten thousand shows only what is in view. */

export class Heights {
  #tree: Float64Array = new Float64Array(1);
  #heights: number[] = [];

  get count(): number {
    return this.#heights.length;
  }

  /** Begin again with these heights. */
  reset(heights: readonly number[]): void {
    this.#heights = [...heights];
    const tree = new Float64Array(heights.length + 1);
    for (let at = 1; at < tree.length; at += 1) {
      tree[at] = (tree[at] as number) + (heights[at - 1] as number);
      const parent = at + (at & -at);
      if (parent < tree.length) tree[parent] = (tree[parent] as number) + (tree[at] as number);
    }
    this.#tree = tree;
  }

  height(row: number): number {
    return this.#heights[row] ?? 0;
  }

  set(row: number, height: number): void {
    const change = height - this.height(row);
    if (change === 0 || row >= this.count) return;
    this.#heights[row] = height;
    for (let at = row + 1; at <= this.count; at += at & -at) this.#tree[at] = (this.#tree[at] as number) + change;
  }

  /** Where a row begins: the sum of all heights before it. */
  top(row: number): number {
    let sum = 0;
    for (let at = Math.min(row, this.count); at > 0; at -= at & -at) sum += this.#tree[at] as number;
    return sum;
  }

  get total(): number {
    return this.top(this.count);
  }

  /** The row that covers this place; the last one beyond the end. */
  rowAt(place: number): number {
    let row = 0;
    let rest = place;
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, this.count))); step >= 1; step /= 2) {
      const next = row + step;
      const sum = this.#tree[next];
      if (sum === undefined || next > this.count || sum > rest) continue;
      row = next;
      rest -= sum;
    }
    return Math.max(0, Math.min(row, this.count - 1));
  }
}
