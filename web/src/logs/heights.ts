// How high the rows of a long list are, and so where each stands. Rows come at the end and go at the beginning many times
// a second, so nothing here may cost more because the list is long: rows are counted by the block.

const block = 512;

interface Block {
  sum: number;
  rows: number[];
}

export class Heights {
  private blocks: Block[] = [];
  /** Rows of the first block that are gone. */
  private gone = 0;
  length = 0;
  total = 0;

  push(height: number): void {
    let last = this.blocks[this.blocks.length - 1];
    if (!last || last.rows.length === block) this.blocks.push((last = { sum: 0, rows: [] }));
    last.rows.push(height);
    last.sum += height;
    this.total += height;
    this.length++;
  }

  /** Drops so many rows at the beginning, and returns how high they were. */
  shift(count: number): number {
    const before = this.total;
    for (let left = Math.min(count, this.length); left > 0; ) {
      const first = this.blocks[0];
      const here = first.rows.length - this.gone;
      if (left >= here) {
        this.blocks.shift();
        this.gone = 0;
        this.total -= first.sum;
        this.length -= here;
        left -= here;
        continue;
      }
      let sum = 0;
      for (let i = 0; i < left; i++) sum += first.rows[this.gone + i];
      first.sum -= sum;
      this.total -= sum;
      this.gone += left;
      this.length -= left;
      left = 0;
    }
    return before - this.total;
  }

  /** Gives a row its true height, and returns by how much it differs. */
  set(row: number, height: number): number {
    const [b, i] = this.place(row);
    const by = height - b.rows[i];
    b.rows[i] = height;
    b.sum += by;
    this.total += by;
    return by;
  }

  get(row: number): number {
    const [b, i] = this.place(row);
    return b.rows[i];
  }

  /** Where a row begins; of one after the last, where the list ends. */
  top(row: number): number {
    let at = row + this.gone;
    let y = 0;
    for (let k = 0; k < this.blocks.length; k++) {
      const b = this.blocks[k];
      if (at >= b.rows.length) {
        y += b.sum;
        at -= b.rows.length;
        continue;
      }
      for (let i = k === 0 ? this.gone : 0; i < at; i++) y += b.rows[i];
      break;
    }
    return y;
  }

  /** The row at a height; the first or the last for what is outside. */
  at(y: number): number {
    let row = 0;
    for (let k = 0; k < this.blocks.length; k++) {
      const b = this.blocks[k];
      const from = k === 0 ? this.gone : 0;
      if (y >= b.sum) {
        y -= b.sum;
        row += b.rows.length - from;
        continue;
      }
      for (let i = from; i < b.rows.length; i++) {
        if (y < b.rows[i]) return row + i - from;
        y -= b.rows[i];
      }
      row += b.rows.length - from;
      y = 0;
    }
    return Math.max(0, Math.min(row, this.length - 1));
  }

  private place(row: number): [Block, number] {
    const at = row + this.gone;
    return [this.blocks[Math.floor(at / block)], at % block];
  }
}
