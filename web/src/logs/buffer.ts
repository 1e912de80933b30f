// The newest lines, up to a bound: what is older goes when there is no room. Every line has a number that it keeps.
import type { Level } from "./level";

/** One line, clean. */
export interface Line {
  /** Counts from 0 and is never used again. */
  id: number;
  text: string;
  /** As the container's runtime stamped it: RFC 3339 with nanoseconds. Empty for news. */
  at: string;
  /** Which container printed it: the index of Origins; -1 when the page itself says something. */
  origin: number;
  level: Level | undefined;
}

export interface Bounds {
  lines: number;
  /** Of text: long lines count more. */
  characters: number;
}

/** Room for 200,000 usual lines: some 50 MB. */
export const bounds: Bounds = { lines: 200_000, characters: 48_000_000 };

export class Buffer {
  private ring: (Line | undefined)[] = [];
  private characters = 0;
  /** Number of the oldest line that is there. */
  first = 0;
  /** Number that the next line gets. */
  next = 0;
  /** How many of the lines that are there have each level. */
  readonly levels: Record<Level, number> = { error: 0, warn: 0, info: 0, debug: 0 };

  constructor(private readonly limit: Bounds = bounds) {}

  get length(): number {
    return this.next - this.first;
  }
  /** How many lines went because there was no room. */
  get dropped(): number {
    return this.first;
  }

  add(line: Omit<Line, "id">): void {
    if (this.length === this.limit.lines) this.dropFirst();
    this.ring[this.next % this.limit.lines] = { ...line, id: this.next };
    this.next++;
    this.characters += line.text.length;
    if (line.level) this.levels[line.level]++;
    while (this.characters > this.limit.characters && this.length > 1) this.dropFirst();
  }

  get(id: number): Line | undefined {
    return id < this.first || id >= this.next ? undefined : this.ring[id % this.limit.lines];
  }

  private dropFirst(): void {
    const at = this.first % this.limit.lines;
    const line = this.ring[at]!;
    this.characters -= line.text.length;
    if (line.level) this.levels[line.level]--;
    this.ring[at] = undefined;
    this.first++;
  }
}
