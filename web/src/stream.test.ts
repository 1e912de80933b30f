import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listen, type StreamState } from "./stream";

class Source {
  static made: Source[] = [];
  closed = false;
  onopen?: () => void;
  onmessage?: (e: { data: string }) => void;
  alive?: () => void;
  constructor(readonly url: string) {
    Source.made.push(this);
  }
  addEventListener(_: "alive", tell: () => void) {
    this.alive = tell;
  }
  close() {
    this.closed = true;
  }
}

beforeEach(() => {
  Source.made = [];
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Source);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a connection that has died without a word is made anew, and what was missed is looked at", () => {
  const states: StreamState[] = [];
  const again = vi.fn();
  const end = listen("/api/v1/stream/applications", {}, { message: () => {}, again, state: (s) => states.push(s) });
  const [first] = Source.made;
  expect(first!.url).toContain("alive=true");
  first!.onopen!();
  for (let i = 0; i < 20; i++) {
    vi.advanceTimersByTime(15_000);
    first!.alive!();
  }
  expect(Source.made).toHaveLength(1);
  expect(states.at(-1)).toBe("live");
  vi.advanceTimersByTime(60_000);
  expect(first!.closed).toBe(true);
  expect(Source.made).toHaveLength(2);
  expect(states).toContain("lost");
  Source.made[1]!.onopen!();
  expect(again).toHaveBeenCalledTimes(1);
  end();
  vi.advanceTimersByTime(600_000);
  expect(Source.made).toHaveLength(2);
});
