// The stream of a log: asked for, read as it comes, and asked for again after a break.
//
// It is read with fetch and not with an EventSource: that one tells nothing about a refusal, and one event for each line
// is too much work when thousands come in a second.
import { address, ApiError, type Query } from "../api";
import type { LogEntry } from "../types";
import { Seen } from "./resume";

export type SourceState =
  | { is: "connecting" | "live" | "lost" | "paused" }
  /** Everything that was asked for has come. */
  | { is: "ended" }
  /** It will not be asked for again: not permitted, or not possible. */
  | { is: "refused"; error: ApiError };

export interface Received extends LogEntry {
  /** Lines of its container before it are missing. */
  gap?: boolean;
}

interface Listener {
  lines: (batch: Received[]) => void;
  state: (state: SourceState) => void;
}

export interface Source {
  close: () => void;
  /** Asks again, going on after the last line, when it had ended. */
  again: () => void;
}

/** So many lines of each container are asked for after a break. */
const catchUp = 10_000;

export const containerOf = (e: LogEntry) => `${e.podName ?? ""}/${e.container ?? ""}`;

/** Reads the log at an address until it is closed. A tab that nobody looks at reads nothing, and goes on when it is seen. */
export function read(at: string, query: Query, on: Listener): Source {
  const seen = new Seen();
  let abort: AbortController | undefined;
  let timer = 0;
  let tries = 0;
  let over = false; // ended, refused or closed

  const stop = () => {
    window.clearTimeout(timer);
    abort?.abort();
    abort = undefined;
  };
  const later = () => {
    stop();
    on.state({ is: "lost" });
    timer = window.setTimeout(open, Math.min(10_000, 500 * 2 ** tries++));
  };
  const refuse = (error: ApiError) => {
    stop();
    // Whatever is wrong with the request will be wrong with the next one.
    if (error.status >= 400 && error.status < 500 && error.status !== 429) {
      over = true;
      on.state({ is: "refused", error });
    } else later();
  };
  const open = async () => {
    stop();
    const mine = (abort = new AbortController());
    const since = seen.resume();
    on.state({ is: "connecting" });
    try {
      const answer = await fetch(address(at, since ? { ...query, sinceSeconds: undefined, tailLines: catchUp, sinceTime: since } : query), { signal: mine.signal });
      if (!answer.ok || !answer.body) return refuse(await refusalOf(answer));
      on.state({ is: "live" });
      tries = 0;
      for await (const batch of values(answer.body)) {
        if (mine.signal.aborted) return;
        const error = take(batch);
        if (error === "last") {
          over = true;
          stop();
          on.state({ is: "ended" });
          return;
        }
        if (error) return refuse(error);
      }
      later(); // cut off: the end says so
    } catch {
      if (!mine.signal.aborted) later();
    }
  };
  const take = (batch: Message[]): ApiError | "last" | undefined => {
    const lines: Received[] = [];
    let end: ApiError | "last" | undefined;
    for (const { result, error } of batch) {
      if (error) end = new ApiError(error.http_code, error.message, error.grpc_code);
      else if (result?.last && !result.content) end = "last";
      else if (result) {
        const what = seen.take(containerOf(result), result.timeStampStr ?? "");
        if (what === "new") lines.push(result);
        else if (what === "gap") lines.push({ ...result, gap: true });
      }
    }
    if (lines.length) on.lines(lines);
    return end;
  };
  const looked = () => {
    if (over) return;
    if (document.hidden) {
      stop();
      on.state({ is: "paused" });
    } else if (!abort) void open();
  };

  document.addEventListener("visibilitychange", looked);
  looked();
  return {
    close: () => {
      over = true;
      stop();
      document.removeEventListener("visibilitychange", looked);
    },
    again: () => {
      over = false;
      looked();
    },
  };
}

interface Message {
  result?: LogEntry;
  error?: { message: string; http_code: number; grpc_code: number };
}

/** The values of a stream that has one in each line of JSON, as many at once as have come. */
export async function* values(body: ReadableStream<Uint8Array>): AsyncGenerator<Message[]> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const text = rest + decoder.decode(value, { stream: true });
    const end = text.lastIndexOf("\n");
    rest = text.slice(end + 1);
    if (end > 0) {
      yield text
        .slice(0, end)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Message);
    }
  }
}

async function refusalOf(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  try {
    const { message, error, code } = JSON.parse(text) as { message?: string; error?: string | { message: string }; code?: number };
    return new ApiError(answer.status, message ?? (typeof error === "string" ? error : error?.message) ?? text, code);
  } catch {
    return new ApiError(answer.status, `The answer was ${answer.status}, and cannot be read.`);
  }
}
