// Going on after a break. A stream of a log cannot be continued where it ended: it is asked for again from a little
// before, and what was there already is left out.
//
// Kubernetes counts sinceTime in whole seconds and gives every line a time to the nanosecond; several lines may have the
// same. So of each container the time of its newest line is kept, and how many had it.

/** How much earlier it is asked for: lines of several containers do not come strictly by time. */
const overlap = 5_000;

interface Mark {
  time: string;
  count: number;
}

export class Seen {
  private marks = new Map<string, Mark>();
  private newest = "";
  /** Containers whose lines are compared with what was there: how many of the mark's time have come again. */
  private replaying = new Map<string, number>();
  private since = "";

  /** The time to ask from, after a break; undefined when nothing has been seen, and so nothing can be doubled. */
  resume(): string | undefined {
    if (!this.newest) return undefined;
    const from = new Date(Math.floor((Date.parse(this.newest.slice(0, 19) + "Z") - overlap) / 1000) * 1000);
    this.since = from.toISOString().slice(0, 19);
    this.replaying = new Map([...this.marks.keys()].map((k) => [k, 0]));
    return this.since + "Z";
  }

  /**
   * What a line is: new, seen before, or new after a gap, when the newest line seen of that container did not come again
   * though it was asked for.
   */
  take(container: string, at: string): "new" | "seen" | "gap" {
    const time = comparable(at);
    const mark = this.marks.get(container);
    const again = this.replaying.get(container);
    if (mark && again !== undefined) {
      if (time < mark.time) return "seen";
      if (time === mark.time && again < mark.count) {
        this.replaying.set(container, again + 1);
        return "seen";
      }
      this.replaying.delete(container);
      const lost = again === 0 && mark.time >= this.since && mark.time < time;
      this.note(container, time);
      return lost ? "gap" : "new";
    }
    this.note(container, time);
    return "new";
  }

  private note(container: string, time: string): void {
    const mark = this.marks.get(container);
    if (!mark) this.marks.set(container, { time, count: 1 });
    else if (time === mark.time) mark.count++;
    else if (time > mark.time) {
      mark.time = time;
      mark.count = 1;
    }
    if (time > this.newest) this.newest = time;
  }
}

/** A time whose order is that of its letters: Go leaves out zeros at the end of the fraction. */
export function comparable(at: string): string {
  return at.slice(0, 19) + "." + at.slice(20, -1).padEnd(9, "0");
}
