// The API: one function to ask, one to listen. What a screen asks for stands in its own folder.
//
// Everything goes to the server that the page came from, with the session's cookie; see stream.ts for what goes on by itself.

/** The path below which the server is served, without a slash at its end. */
export const root = document.querySelector<HTMLMetaElement>('meta[name="root"]')?.content ?? "";

export type Query = Record<string, string | number | boolean | readonly string[] | undefined | null>;

/** What the server says when it refuses: its words are meant for people, and are shown as they are. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    message: string,
    /** The code of gRPC, for telling what happened. */
    readonly code = 2,
    /** It is not in the server's form: somebody between wrote it. */
    readonly unreadable = false,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** Asks with GET. The parts of a path must have been made with `path`. */
export function get<T>(at: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return ask<T>("GET", at, query, undefined, signal);
}

/** Asks with another verb; body becomes JSON. */
export function send<T>(verb: "POST" | "PUT" | "PATCH" | "DELETE", at: string, body?: unknown, query?: Query): Promise<T> {
  return ask<T>(verb, at, query, body);
}

/** path`/api/v1/applications/${name}` escapes what is put in: names come from people. */
export function path(words: TemplateStringsArray, ...values: (string | number)[]): string {
  return words.reduce((all, word, i) => all + encodeURIComponent(values[i - 1] ?? "") + word);
}

/** The address of a path, with the parts of a query that are set. */
export function address(at: string, query?: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === "" || value === false) continue;
    for (const v of Array.isArray(value) ? value : [value]) params.append(name, String(v));
  }
  const text = params.toString();
  return root + at + (text ? "?" + text : "");
}

const watching = new Set<(status: number) => void>();

/** Tells the status of every answer, 0 for none, until the function that it returns is called. */
export function watchAnswers(tell: (status: number) => void): () => void {
  watching.add(tell);
  return () => watching.delete(tell);
}

/** For what asks by other means than `get` and `send`. */
export function answered(status: number): void {
  for (const tell of watching) tell(status);
}

async function ask<T>(method: string, at: string, query?: Query, body?: unknown, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address(at, query), {
      method,
      signal,
      headers: { "Content-Type": "application/json" },
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    answered(0);
    throw new ApiError(0, "Hawser does not answer. The page goes on by itself as soon as it does.");
  }
  const text = await answer.text();
  if (answer.ok) {
    answered(answer.status);
    return (text ? JSON.parse(text) : {}) as T;
  }
  const refused = refusal(answer.status, text);
  answered(answer.status >= 502 && refused.unreadable ? 0 : answer.status);
  throw refused;
}

function refusal(status: number, text: string): ApiError {
  try {
    const { message, error, code } = JSON.parse(text);
    return new ApiError(status, message ?? error ?? text, code);
  } catch {
    return new ApiError(status, `The answer was ${status}, and cannot be read. A proxy between this browser and Hawser may have written it.`, 2, true);
  }
}
