import { useEffect, useRef, useState } from "react";
import { address, type Query } from "../api";
import { lifeOf, type Pod } from "./pods";
import { Sheet } from "./sheet";
import { read, type Source, type SourceState } from "./source";
import { changes } from "./status";

/** Reads a log while the component is there: another one when the address or the query changes. */
export function useLog(at: string, query: Query, pods: Pod[], previous: boolean): { sheet: Sheet; state: SourceState } {
  const key = address(at, query);
  const [sheet, setSheet] = useState(() => new Sheet());
  const [state, setState] = useState<SourceState>({ is: "connecting" });
  const source = useRef<Source>(undefined);
  useEffect(() => {
    const fresh = new Sheet();
    setSheet(fresh);
    setState({ is: "connecting" });
    source.current = read(at, query, { lines: (batch) => fresh.receive(batch), state: setState });
    return () => {
      source.current?.close();
      fresh.close();
    };
    // The key says all that `at` and `query` say.
  }, [key]);

  // What came and went among the pods is told between the lines.
  const before = useRef({ key, pods });
  useEffect(() => {
    const was = before.current;
    before.current = { key, pods };
    if (was.key !== key || previous) return;
    for (const news of changes(was.pods, pods)) sheet.tell(news);
  }, [pods, key]);

  // A log that ended, or could not begin, goes on when a pod does: it is asked for again when the pods change, and from
  // time to time while one runs.
  const stopped = state.is === "ended" || (state.is === "refused" && state.error.status !== 403 && state.error.status !== 401);
  const lives = pods.map((p) => p.uid + p.reason).join();
  const tries = useRef(0);
  useEffect(() => {
    tries.current = 0;
  }, [lives]);
  useEffect(() => {
    if (!stopped || previous || !pods.some((p) => lifeOf(p) === "running")) return;
    const timer = window.setTimeout(() => source.current?.again(), Math.min(30_000, 1000 * 2 ** tries.current++));
    return () => window.clearTimeout(timer);
  }, [stopped, lives, previous]);

  return { sheet, state };
}
