// A shell in a container, over a WebSocket. The messages are Argo CD's.
import { address, ApiError, get, type Query } from "../api";

export type SessionState =
  | { is: "opening" }
  | { is: "open" }
  /** Why, in words. */
  | { is: "ended"; why: string; refused?: boolean };

export interface Session {
  type: (text: string) => void;
  resize: (rows: number, cols: number) => void;
  close: () => void;
}

interface Listener {
  output: (text: string) => void;
  state: (state: SessionState) => void;
  /** The session's token was renewed: the browser gets the new one when it connects again. */
  reconnect: () => void;
}

/** Larger pieces end the session: the server takes 64 KiB in one message. */
const largest = 16_000;

export function begin(query: Query, on: Listener): Session {
  const socket = new WebSocket(address("/terminal", query));
  let opened = false;
  let over = false;
  on.state({ is: "opening" });
  const end = (why: string, refused = false) => {
    if (over) return;
    over = true;
    on.state({ is: "ended", why, refused });
  };
  const send = (message: object) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  socket.onopen = () => {
    opened = true;
    on.state({ is: "open" });
  };
  socket.onmessage = ({ data }) => {
    const message = understand(data);
    if (message.output !== undefined) on.output(message.output);
    if (message.reconnect) on.reconnect();
  };
  socket.onclose = ({ code, reason }) => {
    if (over) return;
    if (opened) return end(ending(code, reason));
    // A browser does not tell a page why a handshake was refused; a plain request for the same is answered in words.
    get("/terminal", query).then(
      () => end("The server did not open it."),
      (e) => end(e instanceof ApiError && !/no handshake/.test(e.message) ? e.message : "The connection could not be made. A proxy before Hawser may not let WebSockets through.", true),
    );
  };
  return {
    type: (text) => {
      for (let i = 0; i < text.length; ) {
        const piece = text.slice(i, cut(text, i + largest));
        send({ operation: "stdin", data: piece });
        i += piece.length;
      }
    },
    resize: (rows, cols) => send({ operation: "resize", rows, cols }),
    close: () => {
      over = true;
      socket.close(1000);
    },
  };
}

/** Not between the two halves of a character. */
export function cut(text: string, at: number): number {
  const half = text.charCodeAt(at - 1);
  return at < text.length && half >= 0xd800 && half < 0xdc00 ? at - 1 : at;
}

/** What a message of the server is: output, or the request to connect again; neither, when it is not understood. */
export function understand(data: unknown): { output?: string; reconnect?: boolean } {
  try {
    const m = JSON.parse(String(data)) as { operation?: string; data?: string; Code?: number } | null;
    if (m?.operation === "stdout") return { output: m.data ?? "" };
    return { reconnect: m?.Code === 1 };
  } catch {
    return {};
  }
}

/** Why a session has ended: the server gives its reason with the end. */
export function ending(code: number, reason: string): string {
  if (reason) return reason.charAt(0).toUpperCase() + reason.slice(1) + (/[.!?]$/.test(reason) ? "" : ".");
  if (code === 1000) return "The shell has ended.";
  return "The connection broke off.";
}
