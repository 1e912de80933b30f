// Certificates and host keys as the API wants them, read from what people have: a PEM file, lines of known_hosts.
import type { RepositoryCertificate } from "../../types";

/** What a text of several lines of known_hosts says; wrong names the first line that is none. */
export function knownHosts(text: string): { items: RepositoryCertificate[]; wrong?: string } {
  const items: RepositoryCertificate[] = [];
  for (const line of text.split("\n").map((l) => l.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const [hosts, type, key] = line.split(/\s+/);
    if (!key || !/^(ssh-|ecdsa-|sk-)/.test(type) || !/^[A-Za-z0-9+/]+=*$/.test(key)) return { items, wrong: line };
    if (hosts.startsWith("|") || hosts.startsWith("@")) return { items, wrong: line }; // hashed, or marked: whose key it is cannot be told
    for (const host of hosts.split(",")) items.push({ serverName: host, certType: "ssh", certSubType: type, certData: btoa(key) });
  }
  return { items };
}

/** One TLS certificate, or several in a row, for a host. */
export const tlsCertificate = (host: string, pem: string): RepositoryCertificate => ({ serverName: host.trim(), certType: "https", certSubType: "", certData: btoa(pem.trim() + "\n") });

/** When a certificate ends, in milliseconds; undefined for host keys, and for what cannot be read. */
export function certificateEnds(c: RepositoryCertificate): number | undefined {
  if (c.certType !== "https" || !c.certData) return undefined;
  try {
    const body = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/.exec(atob(c.certData))?.[1];
    if (!body) return undefined;
    return notAfter(Uint8Array.from(atob(body.replace(/\s/g, "")), (ch) => ch.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

// X.509 is nested tag, length, value: certificate { tbs { [0] version, serial, algorithm, issuer, validity { from, to } … } }.
function notAfter(der: Uint8Array): number | undefined {
  const tbs = inside(der, inside(der, 0).start);
  let at = tbs.start;
  if (der[at] === 0xa0) at = inside(der, at).end;
  for (let skip = 0; skip < 3; skip++) at = inside(der, at).end;
  const validity = inside(der, at);
  const from = inside(der, validity.start);
  const to = inside(der, from.end);
  const text = String.fromCharCode(...der.slice(to.start, to.end));
  // UTCTime has two digits of the year: those below 50 are of this century.
  const full = der[from.end] === 0x17 ? (Number(text.slice(0, 2)) < 50 ? "20" : "19") + text : text;
  const m = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full);
  return m ? Date.UTC(+m[1], +m[2] - 1, +m[3], +m[4], +m[5], +m[6]) : undefined;
}

function inside(der: Uint8Array, at: number): { start: number; end: number } {
  let length = der[at + 1];
  let start = at + 2;
  if (length & 0x80) {
    const bytes = length & 0x7f;
    length = 0;
    for (let i = 0; i < bytes; i++) length = length * 256 + der[start++];
  }
  if (!(start + length <= der.length)) throw new Error("cut short");
  return { start, end: start + length };
}
