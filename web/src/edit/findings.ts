// What the server finds wrong with a draft, and the field that each is about.
import type { DraftObject, Finding } from "../types";
import type { Path } from "./yaml";

/** spec.sources[1].path as a path. */
export function fieldPath(field: string | undefined): Path {
  if (!field) return [];
  return field.split(".").flatMap((part) => {
    const [name, ...indices] = part.split("[");
    return [name!, ...indices.map((i) => Number.parseInt(i, 10))];
  });
}

export function fieldName(path: Path): string {
  return path.reduce<string>((all, step) => (typeof step === "number" ? `${all}[${step}]` : all ? `${all}.${step}` : String(step)), "");
}

/** What is wrong with exactly this field: errors before warnings. */
export function findingsAt(list: readonly Finding[], path: Path): Finding[] {
  const name = fieldName(path);
  return list.filter((f) => f.field === name).sort((a, b) => Number(!!a.warning) - Number(!!b.warning));
}

export const errorsOf = (list: readonly Finding[]) => list.filter((f) => !f.warning);

/** The part of a field's name that people read: "spec.sources[1].path" is "source 2, path". */
export function fieldWords(field: string | undefined): string {
  const path = fieldPath(field).filter((s) => s !== "spec" && s !== "metadata");
  if (path.length === 0) return "application";
  const words: string[] = [];
  for (const step of path) {
    if (typeof step === "number") words[words.length - 1] = `${words.at(-1)!.replace(/s$/, "")} ${step + 1}`;
    else words.push(step);
  }
  return words.join(", ");
}

export interface KindCount {
  kind: string;
  group: string;
  objects: DraftObject[];
}

/** Objects by kind, the most frequent first. */
export function byKind(list: readonly DraftObject[]): KindCount[] {
  const kinds = new Map<string, KindCount>();
  for (const o of list) {
    const key = `${o.group ?? ""}/${o.kind ?? ""}`;
    const k = kinds.get(key) ?? { kind: o.kind ?? "", group: o.group ?? "", objects: [] };
    k.objects.push(o);
    kinds.set(key, k);
  }
  return [...kinds.values()].sort((a, b) => b.objects.length - a.objects.length || a.kind.localeCompare(b.kind));
}

const keyOf = (o: { group?: string; kind?: string; namespace?: string; name?: string }) => [o.group ?? "", o.kind, o.namespace ?? "", o.name].join("/");

/** Objects are what an application has; hooks run in a sync, and it does not have them. */
export function withoutHooks(list: readonly DraftObject[]): DraftObject[] {
  return list.filter((o) => !o.hook);
}

/** What a change of the sources adds to the objects of an application, and what it drops. */
export function objectChanges(now: readonly { group?: string; kind?: string; namespace?: string; name?: string }[], then: readonly DraftObject[]) {
  const [old, next] = [new Set(now.map(keyOf)), new Set(then.map(keyOf))];
  return { added: withoutHooks(then).filter((o) => !old.has(keyOf(o))), dropped: now.filter((o) => !next.has(keyOf(o))) };
}
