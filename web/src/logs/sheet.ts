// What the list of lines shows: the lines that are kept, those of them that are wanted, and how high each is.
//
// Lines come by the thousand in a second. They are taken in once for each picture that the browser draws, and for no
// longer than a part of the time that a picture has; what is left waits for the next one.
import { Buffer, bounds, type Bounds, type Line } from "./buffer";
import { clean } from "./clean";
import { Heights } from "./heights";
import { levelOf, type Level } from "./level";
import { containerOf, type Received } from "./source";

/** Which lines are wanted. */
export interface Wanted {
  matches?: (line: string) => boolean;
  /** None: all. */
  levels: readonly Level[];
}

export interface Origin {
  pod: string;
  container: string;
}

const patience = 8; // ms of a picture's 16
const step = 200; // lines between two looks at the clock

export class Sheet {
  readonly buffer: Buffer;
  readonly heights = new Heights();
  readonly origins: Origin[] = [];
  private originOf = new Map<string, number>();
  private queue: Received[] = [];
  private taken = 0;
  private ids: number[] = [];
  private head = 0;
  private looked = 0; // the first line that has not been looked at for being wanted
  private wanted: Wanted = { levels: [] };
  private height: (line: Line) => number = () => 20;
  private gone = 0;
  private frame = 0;
  private watching = new Set<() => void>();
  /** Changes whenever there is something else to draw. */
  version = 0;

  constructor(limit: Bounds = bounds) {
    this.buffer = new Buffer(limit);
  }

  /** How many rows there are. */
  get length(): number {
    return this.ids.length - this.head;
  }
  /** Lines that are not looked at yet. */
  get busy(): boolean {
    return this.taken < this.queue.length || this.looked < this.buffer.next;
  }

  id(row: number): number {
    return this.ids[this.head + row];
  }
  line(row: number): Line | undefined {
    return this.buffer.get(this.id(row));
  }

  /** The first row whose line has this number or a later one. */
  rowOf(id: number): number {
    let low = this.head;
    let high = this.ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ids[middle] < id) low = middle + 1;
      else high = middle;
    }
    return low - this.head;
  }

  receive(lines: Received[]): void {
    // A page that is held up (a debugger, a laptop that slept) must not keep more in waiting than it would show.
    if (this.queue.length - this.taken > 2 * bounds.lines) {
      this.queue = this.queue.slice(-bounds.lines);
      this.taken = 0;
    }
    for (const l of lines) this.queue.push(l);
    this.draw();
  }

  /** A line that is the page's own. */
  tell(text: string): void {
    this.receive([{ content: text, podName: undefined, timeStampStr: "" }]);
  }

  want(wanted: Wanted): void {
    this.wanted = wanted;
    this.ids = [];
    this.head = 0;
    this.heights.shift(this.heights.length);
    this.gone = 0;
    this.looked = this.buffer.first;
    this.work(2 * patience); // most filters are through at once, and nothing flickers
    this.changed();
    if (this.busy) this.draw();
  }

  /** Measures all rows anew. */
  measureBy(height: (line: Line) => number): void {
    this.height = height;
    this.heights.shift(this.heights.length);
    for (let i = this.head; i < this.ids.length; i++) this.heights.push(height(this.buffer.get(this.ids[i])!));
    this.changed();
  }

  /** By how much the list has become shorter at its beginning, since this was asked last. */
  takeGone(): number {
    const gone = this.gone;
    this.gone = 0;
    return gone;
  }

  readonly subscribe = (tell: () => void) => {
    this.watching.add(tell);
    return () => void this.watching.delete(tell);
  };

  close(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.queue = [];
    this.taken = 0;
  }

  changed(): void {
    this.version++;
    for (const tell of this.watching) tell();
  }

  private draw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.work(patience);
      this.changed();
      if (this.busy) this.draw();
    });
  }

  private work(patience: number): void {
    const until = performance.now() + patience;
    do {
      if (this.taken < this.queue.length) this.takeIn(step);
      this.look(step);
    } while (this.busy && performance.now() < until);
    if (this.taken === this.queue.length && this.taken > 0) {
      this.queue = [];
      this.taken = 0;
    }
  }

  private takeIn(count: number): void {
    const end = Math.min(this.queue.length, this.taken + count);
    for (; this.taken < end; this.taken++) {
      const l = this.queue[this.taken];
      const text = clean(l.content ?? "");
      if (l.podName === undefined) {
        this.buffer.add({ text, at: "", origin: -1, level: undefined });
        continue;
      }
      const origin = this.origin(l);
      if (l.gap) this.buffer.add({ text: `Lines of ${l.podName} may be missing here: there were too many while the page did not listen, or the container has restarted.`, at: "", origin: -1, level: undefined });
      this.buffer.add({ text, at: l.timeStampStr ?? "", origin, level: levelOf(text) });
    }
    this.trim();
  }

  private origin(l: Received): number {
    const key = containerOf(l);
    let index = this.originOf.get(key);
    if (index === undefined) {
      index = this.origins.push({ pod: l.podName ?? "", container: l.container ?? "" }) - 1;
      this.originOf.set(key, index);
    }
    return index;
  }

  private trim(): void {
    const first = this.buffer.first;
    let count = 0;
    while (this.head + count < this.ids.length && this.ids[this.head + count] < first) count++;
    if (count) {
      this.gone += this.heights.shift(count);
      this.head += count;
    }
    if (this.head > 50_000) {
      this.ids = this.ids.slice(this.head);
      this.head = 0;
    }
    this.looked = Math.max(this.looked, first);
  }

  private look(count: number): void {
    const { matches, levels } = this.wanted;
    const end = Math.min(this.buffer.next, this.looked + count);
    for (; this.looked < end; this.looked++) {
      const line = this.buffer.get(this.looked)!;
      if (line.origin >= 0) {
        if (levels.length && !(line.level && levels.includes(line.level))) continue;
        if (matches && !matches(line.text)) continue;
      }
      this.ids.push(line.id);
      this.heights.push(this.height(line));
    }
  }
}
