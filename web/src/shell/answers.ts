// Whether the server answers, and whether the session has ended: found out from the answers to what the page asks anyway.
import { useSyncExternalStore } from "react";
import { address, watchAnswers } from "../api";

/** How the server's answers are to be taken: the last one, and what it means for the reader. */
export interface Answers {
  /** No answer came, so often one after the other. */
  silent: number;
  /** A request was refused because nobody is logged in any more. */
  ended: boolean;
}

/** What the next answer makes of it; status 0 is none, or one of a proxy in the server's place. */
export function after(before: Answers, status: number): Answers {
  if (status === 0) return { ...before, silent: before.silent + 1 };
  if (status === 401) return { silent: 0, ended: true };
  return before.silent === 0 ? before : { ...before, silent: 0 };
}

const well: Answers = { silent: 0, ended: false };
let state = well;
const watching = new Set<() => void>();
const change = (next: Answers) => {
  if (next === state) return;
  const wasSilent = state.silent > 0;
  state = next;
  if (next.silent > 0 && !wasSilent) void askUntilItAnswers();
  for (const tell of watching) tell();
};

/** Begins to watch; what it returns ends it. */
export function watchServer(): () => void {
  const stop = watchAnswers((status) => change(after(state, status)));
  return () => {
    stop();
    change(well); // whoever comes in next has a session of their own
  };
}

export function useAnswers(): Answers {
  return useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    () => state,
  );
}

/** While the server is silent, it is asked now and then, so that the notice goes by itself. */
async function askUntilItAnswers(): Promise<void> {
  for (let wait = 1000; state.silent > 0; wait = Math.min(8000, wait * 1.5)) {
    await new Promise((done) => setTimeout(done, wait));
    if (document.hidden || state.silent === 0) continue;
    const status = await fetch(address("/api/version")).then((r) => (r.ok ? r.status : 0), () => 0);
    change(after(state, status));
  }
}
