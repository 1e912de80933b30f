// Streams: what the server tells by itself.
//
// A tab that nobody looks at listens to nothing, so that many open tabs cost the server nothing and do not take each
// other's connections (a browser has six to one plain-HTTP server). Whoever comes back is told to look again.
import { useEffect, useRef, useState } from "react";
import { address, answered, ApiError, get, type Query } from "./api";

export type StreamState = "connecting" | "live" | "lost";

interface Listener<T> {
  /** One message. */
  message: (value: T) => void;
  /** The stream begins anew: what was told in between is lost, so look again. Not called the first time. */
  again?: () => void;
  /** The server has ended the stream for good: not found, or no longer permitted. */
  refused?: (error: ApiError) => void;
  state?: (state: StreamState) => void;
}

/** A connection that is dead looks like one that is silent: the server says every 15 s that it is there. */
const silence = 50_000;

/** Listens until the function that it returns is called. A query that is a function is asked each time that the stream begins. */
export function listen<T>(at: string, query: Query | (() => Query), on: Listener<T>): () => void {
  let source: EventSource | undefined;
  let timer = 0;
  let quiet = 0;
  let tries = 0;
  let first = true;
  let ended = false;

  const close = () => {
    window.clearTimeout(timer);
    window.clearTimeout(quiet);
    source?.close();
    source = undefined;
  };
  const later = () => {
    close();
    if (ended || document.hidden) return;
    on.state?.("lost");
    timer = window.setTimeout(open, Math.min(10_000, 500 * 2 ** tries++));
  };
  const heard = () => {
    window.clearTimeout(quiet);
    quiet = window.setTimeout(later, silence);
  };
  const open = () => {
    close();
    on.state?.("connecting");
    source = new EventSource(address(at, { ...(typeof query === "function" ? query() : query), alive: true }));
    source.addEventListener("alive", heard);
    heard();
    source.onopen = () => {
      tries = 0;
      heard();
      on.state?.("live");
      if (!first) on.again?.();
      first = false;
    };
    source.onmessage = (event) => {
      heard();
      const { result, error } = JSON.parse(event.data) as { result?: T; error?: { message: string; http_code: number; grpc_code: number } };
      if (error) {
        if (error.http_code === 403 || error.http_code === 404) {
          ended = true;
          close();
          on.state?.("lost");
          on.refused?.(new ApiError(error.http_code, error.message, error.grpc_code));
          return;
        }
        if (error.http_code === 401) answered(401);
        later();
        return;
      }
      if (result !== undefined) on.message(result);
    };
    source.onerror = () => {
      findOutWhy();
      later();
    };
  };
  const seen = () => {
    if (ended) return;
    if (document.hidden) close();
    else if (!source) open();
  };

  document.addEventListener("visibilitychange", seen);
  if (!document.hidden) open();
  return () => {
    ended = true;
    close();
    document.removeEventListener("visibilitychange", seen);
  };
}

// A stream that is refused does not say why: a plain question finds out whether the server is away or the session ended.
let asked = 0;
function findOutWhy() {
  if (Date.now() - asked < 5000) return;
  asked = Date.now();
  get("/api/v1/account/can-i/applications/get/*").catch(() => undefined);
}

/**
 * Listens while the component is there, to another stream when `at`, the query or what it is `about` changes; at is null
 * for none.
 */
export function useStream<T>(at: string | null, query: Query, on: Listener<T>, about = ""): StreamState {
  const [state, setState] = useState<StreamState>("connecting");
  const latest = useRef(on);
  latest.current = on;
  const key = at === null ? null : address(at, query);
  useEffect(() => {
    if (at === null) return;
    return listen<T>(at, query, {
      message: (value) => latest.current.message(value),
      again: () => latest.current.again?.(),
      refused: (error) => latest.current.refused?.(error),
      state: (s) => {
        setState(s);
        latest.current.state?.(s);
      },
    });
    // The key says all that `at` and `query` say.
  }, [key, about]);
  return state;
}
