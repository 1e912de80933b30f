// Objects as YAML, the way people write them: what the object is comes first, and its name.
import { stringify } from "yaml";

export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };
export type Obj = { [name: string]: Json };

const first: Record<string, number> = { apiVersion: -9, kind: -8, metadata: -7, spec: -6, data: -5, status: 9 };
const firstOfMetadata: Record<string, number> = { name: -9, namespace: -8, managedFields: 9 };

/** Reads an object of the API. "null" and "" mean that there is none. Whole numbers that JavaScript would round stay whole. */
export function parse(text: string | undefined): Obj | undefined {
  if (!text || text === "null") return undefined;
  const value = (/\d{16}/.test(text) ? JSON.parse(text, whole) : JSON.parse(text)) as Json;
  return isObj(value) ? value : undefined;
}

// The third argument is what the number looked like: older browsers do not give it, and round.
function whole(_: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context!.source!) : value;
}

export const isObj = (v: unknown): v is Obj => typeof v === "object" && v !== null && !Array.isArray(v);

/** The object as YAML; "" for none. */
export function toYaml(value: Json | undefined): string {
  if (value === undefined) return "";
  return stringify(isObj(value) && "kind" in value ? ordered(value) : value, { lineWidth: 0, aliasDuplicateObjects: false });
}

function ordered(o: Obj): Obj {
  const out = sorted(named(o) as Obj, first);
  if (isObj(out.metadata)) out.metadata = sorted(out.metadata, firstOfMetadata);
  return out;
}

/** Items of lists begin with their names, as people write them: a container is its name first, and not its arguments. */
function named(v: Json): Json {
  if (Array.isArray(v)) return v.map((item) => (isObj(item) && typeof item.name === "string" ? (named({ name: item.name, ...item }) as Obj) : named(item)));
  if (isObj(v)) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, typeof x === "object" && x !== null ? named(x) : x]));
  return v;
}

function sorted(o: Obj, weight: Record<string, number>): Obj {
  const of = (name: string) => (Object.hasOwn(weight, name) ? weight[name]! : 0);
  return Object.fromEntries(Object.entries(o).sort(([a], [b]) => of(a) - of(b) || (a < b ? -1 : a > b ? 1 : 0)));
}

/** The object without what the API server keeps for itself about who wrote which field. */
export function withoutManagers(o: Obj): Obj {
  if (!isObj(o.metadata) || !("managedFields" in o.metadata)) return o;
  const { managedFields: _, ...metadata } = o.metadata;
  return { ...o, metadata };
}

/** The lines of a text; the line break at its end begins no other line. */
export function linesOf(text: string): string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

// Signs that nobody sees but that change what one reads: marks of the direction of writing, and those without a width.
// eslint-disable-next-line no-misleading-character-class, no-control-regex
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The text with unseen signs spelled out, so that what is read is what is there. */
export const visible = (text: string): string => text.replace(unseen, (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
