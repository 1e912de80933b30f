// A draft: a text that somebody works on, kept in this tab until it is made or thrown away, and what the server thinks of it.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { send } from "../api";
import { useSettled } from "../settled";
import type { Application, ApplicationValidateResponse } from "../types";
import { read, write, type Fault } from "./yaml";

export interface Draft {
  text: string;
  /** The application that the text says; while it cannot be read, the last that it said. */
  value: Application;
  fault?: Fault;
  dirty: boolean;
  /** The same at this moment, for those who cannot wait until all is drawn anew. */
  isDirty: () => boolean;
  /** When the text was written that an earlier visit left behind. */
  restored?: number;
  setText: (text: string) => void;
  /** Writes another value into the text. */
  setValue: (next: Application | ((now: Application) => Application)) => void;
  /** Throws away what was written, for another text to begin with. */
  reset: (text?: string) => void;
  /** Nothing is left to be kept. */
  forget: () => void;
}

interface Kept {
  text: string;
  /** The text that it began with: a draft of something that has changed since is told so. */
  began: string;
  at: number;
}

const keyOf = (id: string) => "hawser.draft." + id;

export function keptDraft(id: string): Kept | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(keyOf(id)) ?? "null") as Kept | null;
    return kept && typeof kept.text === "string" && typeof kept.began === "string" ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function forgetDraft(id: string): void {
  sessionStorage.removeItem(keyOf(id));
}

/** The draft of that name. initial is the text that a new one begins with. */
export function useDraft(id: string, initial: string): Draft & { began: string } {
  const kept = useMemo(() => keptDraft(id), [id]);
  const [began, setBegan] = useState(kept?.began ?? initial);
  const [text, setText] = useState(kept?.text ?? initial);
  const [restored, setRestored] = useState(kept && kept.text !== kept.began ? kept.at : undefined);
  const reading = useMemo(() => read(text), [text]);
  const last = useRef<Application>({});
  if (reading.value) last.current = reading.value;
  const now = useRef(text);
  now.current = text;
  const start = useRef(began);
  start.current = began;

  const dirty = text !== began;
  useEffect(() => {
    if (!dirty) return forgetDraft(id);
    try {
      sessionStorage.setItem(keyOf(id), JSON.stringify({ text, began, at: Date.now() } satisfies Kept));
    } catch {
      // The tab's storage is full: the draft lives as long as the page.
    }
  }, [id, text, began, dirty]);

  const change = useCallback((next: string) => {
    now.current = next;
    setText(next);
  }, []);
  const setValue = useCallback(
    (next: Application | ((now: Application) => Application)) => {
      const r = read(now.current);
      if (r.value) change(write(now.current, typeof next === "function" ? next(r.value) : next));
    },
    [change],
  );
  const reset = useCallback(
    (to?: string) => {
      const next = to ?? initial;
      start.current = next;
      setBegan(next);
      change(next);
      setRestored(undefined);
    },
    [change, initial],
  );
  const forget = useCallback(() => {
    forgetDraft(id);
    start.current = now.current;
    setBegan(now.current);
  }, [id]);
  const isDirty = useCallback(() => now.current !== start.current, []);
  return { text, value: last.current, fault: reading.fault, dirty, isDirty, restored, began, setText: change, setValue, reset, forget };
}

export interface Check {
  answer?: ApplicationValidateResponse;
  error?: unknown;
  /** The answer is about what was written before, or there is none yet. */
  waiting: boolean;
}

/** What the server thinks of an application, asked as soon as the writer pauses. change: of one that there is. */
export function useCheck(value: Application, change: boolean, enabled: boolean): Check {
  const asked = JSON.stringify({ application: value, change });
  const settled = useSettled(asked, 600);
  const q = useQuery({
    queryKey: ["validate", settled],
    queryFn: () => send<ApplicationValidateResponse>("POST", "/api/v1/applications/validate", JSON.parse(settled)),
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 15_000,
    gcTime: 60_000,
    retry: false,
  });
  return { answer: q.data, error: q.isError ? q.error : undefined, waiting: enabled && (settled !== asked || q.isFetching) };
}
