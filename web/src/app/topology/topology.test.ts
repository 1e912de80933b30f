import { describe, expect, it } from "vitest";
import type { Application, ApplicationTree, ResourceNode } from "../../types";
import { drawTree, repository, revisionOf, sayCard } from "./cards";
import { asksNothing, facets, matches, readFilter, toggle, withWords, wordsOf } from "./filter";
import { fold, nameOfFold, page, plural, press, sayFold, type FoldShown, type Shown } from "./fold";
import { firstView, fit, hold, layOutTree, pathTo, reveal, step, trunks, type Branch } from "./layout";
import { above, itemsOf, sayItem, type Item } from "./model";
import { cardsOf, cut, drawNetwork, netOf, outlineOf } from "./network";
import { nextSort, readSort, sorted } from "./rows";
import { sample } from "./sample";
import { groupPods } from "./squares";

const node = (kind: string, name: string, more: Partial<ResourceNode> = {}): ResourceNode => ({ kind, name, namespace: "n", uid: `${kind}/${name}`, ...more });
const ownedBy = (owner: ResourceNode) => ({ parentRefs: [{ kind: owner.kind, group: owner.group, namespace: owner.namespace, name: owner.name, uid: owner.uid }] });
const record = (resources: object[] = [], more: object = {}) => ({ metadata: { name: "a", namespace: "argocd" }, spec: { destination: { server: "https://kubernetes.default.svc" } }, status: { resources, ...more } }) as Application;
const items = (nodes: ResourceNode[], of = record(), orphans: ResourceNode[] = []): Item[] => itemsOf(of, { nodes, orphanedNodes: orphans } as ApplicationTree);
const plainly = { filter: readFilter(undefined), opened: new Map<string, number>(), keep: new Set<string>(), orphaned: false };
const flat = (shown: Shown[]): Shown[] => shown.flatMap((s) => [s, ...flat(s.children)]);
const folds = (shown: Shown[]) => flat(shown).filter((s): s is FoldShown => s.type === "fold");
const many = (kind: string, n: number, more: (i: number) => Partial<ResourceNode> = () => ({})) => Array.from({ length: n }, (_, i) => node(kind, `x-${String(i).padStart(4, "0")}`, more(i)));

describe("the objects", () => {
  it("have from the record what the tree does not know", () => {
    const [d, c] = items(
      [node("Deployment", "web", { group: "apps", health: { status: "Degraded", message: "no" } })],
      record([
        { group: "apps", kind: "Deployment", namespace: "n", name: "web", status: "OutOfSync", syncWave: 2, requiresPruning: true },
        { kind: "ConfigMap", namespace: "n", name: "gone", status: "OutOfSync", health: { status: "Missing" } },
      ]),
    );
    expect(d).toMatchObject({ id: "apps/Deployment/n/web", health: "Degraded", reason: "no", sync: "OutOfSync", wave: 2, prune: true });
    expect(c).toMatchObject({ id: "/ConfigMap/n/gone", health: "Missing" });
  });
  it("are hooks when the last sync ran them as such, and then are not compared", () => {
    const [job] = items([node("Job", "migrate", { group: "batch" })], record([], { operationState: { syncResult: { resources: [{ group: "batch", kind: "Job", namespace: "n", name: "migrate", hookType: "PreSync", hookPhase: "Failed", message: "exit code 1" }] } } }));
    expect(job).toMatchObject({ hook: "PreSync", sync: undefined, failed: "exit code 1" });
  });
  it("belong to the owner with the uid, and otherwise to that of the name", () => {
    const owner = node("ReplicaSet", "web", { group: "apps" });
    const [, a, b] = items([owner, node("Pod", "a", ownedBy(owner)), node("Pod", "b", { parentRefs: [{ group: "apps", kind: "ReplicaSet", namespace: "n", name: "web" }] })]);
    expect([a.parent, b.parent]).toEqual(["apps/ReplicaSet/n/web", "apps/ReplicaSet/n/web"]);
  });
  it("are said in one sentence", () => {
    const [pod] = items([node("Pod", "web-1", { health: { status: "Degraded" }, info: [{ name: "Status Reason", value: "ImagePullBackOff" }, { name: "Containers", value: "0/1" }, { name: "Restart Count", value: "3" }] })]);
    expect(sayItem(pod)).toBe("Pod web-1, Degraded, ImagePullBackOff, 0 of 1 containers ready, 3 restarts");
  });
  it("of kind Application lead to a screen only when they are in this cluster", () => {
    const child = node("Application", "child", { group: "argoproj.io", namespace: "argocd" });
    expect(items([child])[0].app).toEqual({ namespace: "argocd", name: "child" });
    const elsewhere = { ...record(), spec: { destination: { server: "https://10.0.0.1" } } } as Application;
    expect(items([child], elsewhere)[0].app).toBeUndefined();
  });
});

describe("the way up", () => {
  const marked = (mark: string, more: object = {}) => above({ metadata: { name: "child", namespace: "argocd", annotations: { "argocd.argoproj.io/tracking-id": mark }, ...more } } as Application, "argocd");
  it("is told by the mark of the parent", () => {
    expect(marked("parent:argoproj.io/Application:argocd/child")).toEqual({ app: { namespace: "argocd", name: "parent" } });
    expect(marked("team_parent:argoproj.io/Application:argocd/child")).toEqual({ app: { namespace: "team", name: "parent" } });
  });
  it("is not believed when the mark is of another object, or of itself", () => {
    expect(marked("parent:argoproj.io/Application:argocd/other")).toEqual({});
    expect(marked("child:argoproj.io/Application:argocd/child")).toEqual({});
    expect(marked("nonsense")).toEqual({});
  });
  it("is the owner when there is one", () => {
    expect(marked("", { ownerReferences: [{ apiVersion: "argoproj.io/v1alpha1", kind: "ApplicationSet", name: "set" }] })).toEqual({ set: "set" });
  });
});

describe("the filter", () => {
  const [pod, map] = items([node("Pod", "web-1", { health: { status: "Degraded" }, images: ["nginx:1.27"] }), node("ConfigMap", "settings")], record([{ kind: "ConfigMap", namespace: "n", name: "settings", status: "OutOfSync" }]));
  it.each([
    ["web", true, false],
    ["nginx", true, false],
    ["web settings", false, false],
    ["kind:pod", true, false],
    ["kind:Pod kind:ConfigMap", true, true],
    ["kind:Pod health:healthy", false, false],
    ["health:None", false, true],
    ["sync:OutOfSync", false, true],
    ["is:hook", false, false],
    ["http://x", false, false],
  ])("%s", (find, first, second) => {
    const f = readFilter(find);
    expect([matches(f, pod), matches(f, map)]).toEqual([first, second]);
  });
  it("is nothing without words", () => expect(asksNothing(readFilter("  "))).toBe(true));
  it("is written again", () => {
    expect(toggle("web", "kind", "Pod")).toBe("web kind:Pod");
    expect(toggle("web kind:pod", "kind", "Pod")).toBe("web");
    expect(toggle("kind:Pod", "kind", "Pod")).toBeUndefined();
    expect(wordsOf("web kind:Pod 1")).toBe("web 1");
    expect(withWords("web kind:Pod", "shop")).toBe("kind:Pod shop");
    expect(withWords("web", "")).toBeUndefined();
  });
  it("counts what there is, the worst first", () => {
    const of = facets([pod, map]);
    expect(of.health).toEqual([["Degraded", 1]]);
    expect(of.sync).toEqual([["OutOfSync", 1]]);
    expect(of.kind).toEqual([["ConfigMap", 1], ["Pod", 1]]);
  });
});

describe("folding", () => {
  it("leaves few siblings alone", () => expect(folds(fold(items(many("ConfigMap", 12)), plainly))).toEqual([]));
  it("folds many siblings of one kind", () => {
    const [only, ...more] = fold(items(many("ConfigMap", 48)), plainly);
    expect(more).toEqual([]);
    expect(nameOfFold(only as FoldShown)).toBe("48 ConfigMaps");
    expect(sayFold(only as FoldShown)).toBe("");
  });
  it("keeps outside what is not well, and says how the rest is", () => {
    const shown = fold(items(many("Job", 30, (i) => ({ group: "batch", health: { status: i % 10 === 0 ? "Degraded" : "Healthy" } }))), plainly);
    expect(shown.map((s) => s.type)).toEqual(["item", "item", "item", "fold"]);
    expect(sayFold(shown[3] as FoldShown)).toBe("all Healthy");
  });
  it("keeps an owner outside whose pod is not well", () => {
    const all = many("Deployment", 20, () => ({ group: "apps", health: { status: "Healthy" } }));
    const shown = fold(items([...all, node("Pod", "bad", { ...ownedBy(all[7]), health: { status: "Degraded" } })]), plainly);
    expect(shown.map((s) => s.id)).toContain("apps/Deployment/n/x-0007");
    expect(flat(shown).map((s) => s.id)).toContain("/Pod/n/bad");
  });
  it("folds even what is not well when there is too much of it, and counts it", () => {
    const shown = fold(items(many("ConfigMap", 500, () => ({ health: { status: "Missing" } }))), plainly);
    expect(shown.length).toBe(13);
    expect(sayFold(shown.find((s): s is FoldShown => s.type === "fold")!)).toBe("all Missing");
  });
  it("counts what differs, and does not take it for a health", () => {
    const resources = Array.from({ length: 40 }, (_, i) => ({ kind: "ConfigMap", namespace: "n", name: `x-${String(i).padStart(4, "0")}`, status: "OutOfSync", health: { status: "Healthy" } }));
    const [f] = folds(fold(items(many("ConfigMap", 40), record(resources)), plainly));
    expect(sayFold(f)).toBe("all Healthy, all OutOfSync");
  });
  it("says that all are Synced where nobody judges a health", () => {
    const resources = Array.from({ length: 40 }, (_, i) => ({ kind: "ConfigMap", namespace: "n", name: `x-${String(i).padStart(4, "0")}`, status: "Synced" }));
    expect(sayFold(folds(fold(items(many("ConfigMap", 40), record(resources)), plainly))[0])).toBe("all Synced");
  });
  it("counts in names as people do", () => {
    expect(fold(items([node("ConfigMap", "x-10"), node("ConfigMap", "x-2")]), plainly).map((s) => s.id)).toEqual(["/ConfigMap/n/x-2", "/ConfigMap/n/x-10"]);
  });
  it("opens page by page, and closes", () => {
    const all = items(many("ConfigMap", 200));
    const closed = fold(all, plainly);
    let opened = press(new Map(), closed[0]);
    let shown = fold(all, { ...plainly, opened });
    expect(shown.length).toBe(1 + page + 1);
    const rest = shown.at(-1) as FoldShown;
    expect(nameOfFold(rest)).toBe(`${200 - page} more ConfigMaps`);
    opened = press(opened, rest);
    shown = fold(all, { ...plainly, opened });
    expect(shown.length).toBe(1 + 2 * page + 1);
    opened = press(opened, shown[0]);
    expect(fold(all, { ...plainly, opened }).length).toBe(1);
  });
  it("folds ReplicaSets of former revisions, and not those with pods", () => {
    const d = node("Deployment", "web", { group: "apps" });
    const sets = [1, 2, 3, 4].map((r) => node("ReplicaSet", `web-${r}`, { group: "apps", ...ownedBy(d), info: [{ name: "Revision", value: `Rev:${r}` }] }));
    const [shown] = fold(items([d, ...sets, node("Pod", "p", ownedBy(sets[2]))]), plainly);
    expect(shown.children.map((c) => c.id)).toEqual(["apps/ReplicaSet/n/web-4", "apps/ReplicaSet/n/web-3", "apps/Deployment/n/web>old"]);
    expect(nameOfFold(shown.children[2] as FoldShown)).toBe("2 old ReplicaSets");
  });
  it("shows what a link leads to", () => {
    const all = items(many("ConfigMap", 200));
    const shown = fold(all, { ...plainly, keep: new Set(["/ConfigMap/n/x-0150"]) });
    expect(shown.map((s) => s.id)).toContain("/ConfigMap/n/x-0150");
    expect((shown.at(-1) as FoldShown).count).toBe(199);
  });
  it("shows of a filter what matches and what owns it", () => {
    const d = node("Deployment", "web", { group: "apps" });
    const shown = flat(fold(items([d, node("Pod", "web-1", ownedBy(d)), node("ConfigMap", "c")]), { ...plainly, filter: readFilter("kind:Pod") }));
    expect(shown.map((s) => s.id)).toEqual(["apps/Deployment/n/web", "/Pod/n/web-1"]);
    expect(shown.map((s) => s.type === "item" && s.quiet)).toEqual([true, false]);
  });
  it("draws no more than a few hundred nodes of thousands", () => {
    const { record, tree } = sample(2000);
    const all = itemsOf(record, tree);
    expect(all.length).toBe(2000);
    const shown = flat(fold(all, plainly));
    expect(shown.length).toBeLessThan(450);
    // Nothing that is not well is hidden behind what is well.
    const broken = all.filter((i) => i.pod && i.health === "Degraded");
    expect(broken.length).toBeGreaterThan(2);
    const ids = new Set(shown.map((s) => s.id));
    expect(broken.slice(0, 12).every((b) => ids.has(b.id))).toBe(true);
  });
  it("waits behind its owner what does not fit, until it is opened", () => {
    const all: ResourceNode[] = [];
    for (let i = 0; i < 10; i++) {
      const d = node("Deployment", `d-${i}`, { group: "apps" });
      all.push(d);
      for (let p = 0; p < 10; p++) all.push(node("Pod", `d-${i}-${p}`, ownedBy(d)));
    }
    const shown = fold(items(all), { ...plainly, cap: 40 });
    const closed = shown.filter((s) => s.type === "item" && s.closed);
    expect(closed.length).toBe(7);
    expect(closed[0]).toMatchObject({ below: 10, children: [] });
    const opened = press(new Map(), closed[0]);
    expect(flat(fold(items(all), { ...plainly, cap: 40, opened })).length).toBe(flat(shown).length + 10);
  });
  it("puts what a controller makes at the end", () => {
    const rs = node("ReplicaSet", "web", { group: "apps" });
    const pod = (name: string, day: number) => node("Pod", name, { ...ownedBy(rs), createdAt: `2026-01-0${day}T00:00:00Z` });
    const [shown] = fold(items([rs, pod("a", 3), pod("b", 1), pod("c", 2)]), plainly);
    expect(shown.children.map((s) => s.id)).toEqual(["/Pod/n/b", "/Pod/n/c", "/Pod/n/a"]);
  });
  it.each([["Pod", "Pods"], ["Ingress", "Ingresses"], ["NetworkPolicy", "NetworkPolicies"], ["Gateway", "Gateways"], ["Endpoints", "Endpoints"]])("calls more than one %s %s", (one, more) => expect(plural(one)).toBe(more));
  it("survives owners that go round in a circle", () => {
    const a = node("A", "a");
    const b = node("B", "b", ownedBy(a));
    const shown = flat(fold(items([{ ...a, ...ownedBy(b) }, b, node("C", "c", ownedBy(b))]), plainly));
    expect(shown.map((s) => s.id).sort()).toEqual(["/A/n/a", "/B/n/b", "/C/n/c"]);
  });
  it("shows orphaned objects apart, when they are asked for", () => {
    const all = items([node("ConfigMap", "mine")], record(), [node("ConfigMap", "stray")]);
    expect(flat(fold(all, plainly)).map((s) => s.id)).toEqual(["/ConfigMap/n/mine"]);
    const shown = fold(all, { ...plainly, orphaned: true });
    expect(shown.map((s) => s.id)).toEqual(["/ConfigMap/n/mine", ">orphaned"]);
    expect(shown[1].children.map((s) => s.id)).toEqual(["/ConfigMap/n/stray"]);
  });
  it("does not move anything when a health changes", () => {
    const order = (bad: number) => fold(items(many("Job", 10, (i) => ({ health: { status: i === bad ? "Degraded" : "Healthy" } }))), plainly).map((s) => s.id);
    expect(order(3)).toEqual(order(8));
  });
});

describe("the layout", () => {
  const leaf = (id: string, ...children: Branch<null>[]): Branch<null> => ({ id, width: 100, height: 50, value: null, children });
  const tree = leaf("root", leaf("a", leaf("a1"), leaf("a2"), leaf("a3")), leaf("b"), leaf("c", leaf("c1")));
  const at = (id: string) => layOutTree([tree]).byId.get(id)!;

  it("stands an owner level with the first of what it owns", () => {
    expect([at("root").y, at("a").y, at("a1").y]).toEqual([0, 0, 0]);
    expect(at("c").y).toBe(at("c1").y);
  });
  it("has a column for each step", () => expect(["root", "a", "a1"].map((id) => at(id).x)).toEqual([0, 156, 312]));
  it("lets what owns nothing slide up beside long branches", () => expect(at("b").y).toBe(60));
  it("puts a branch below what its columns have taken", () => expect(at("c1").y).toBeGreaterThanOrEqual(at("a3").y + 50));
  it("covers nothing, at any size", () => {
    const { record, tree } = sample(700);
    const layout = drawTree(record, fold(itemsOf(record, tree), { ...plainly, cap: 5000, limit: 500 }));
    expect(layout.places.length).toBeGreaterThan(500);
    for (const x of new Set(layout.places.map((p) => p.x))) {
      const column = layout.places.filter((p) => p.x === x).sort((a, b) => a.y - b.y);
      column.forEach((p, i) => i > 0 && expect(p.y).toBeGreaterThanOrEqual(column[i - 1].y + column[i - 1].height + 8));
    }
  });
  it("draws one line for each step", () => {
    expect(trunks(layOutTree([tree])).match(/M/g)?.length).toBe(7);
    expect(trunks(layOutTree([tree]), new Set(["a1"])).match(/M/g)?.length).toBe(1);
  });
  it("is walked with the arrow keys", () => {
    const l = layOutTree([tree]);
    expect(step(l, undefined, "down")).toBe("root");
    expect(step(l, "root", "right")).toBe("a");
    expect(step(l, "a", "down")).toBe("b");
    expect(step(l, "a3", "down")).toBe("c1");
    expect(step(l, "c1", "left")).toBe("c");
    expect(step(l, "a1", "up")).toBeUndefined();
    expect([...pathTo(l, "c1")]).toEqual(["c1", "c", "root"]);
  });
  it("is looked at whole when that can be read, and otherwise from its beginning", () => {
    const l = layOutTree([tree]);
    expect(firstView(l, { width: 1000, height: 800 }).zoom).toBe(1);
    const tall = layOutTree([leaf("r", ...Array.from({ length: 200 }, (_, i) => leaf(`t${i}`)))]);
    expect(firstView(tall, { width: 1000, height: 800 })).toMatchObject({ x: 28, y: 28 });
    const v = firstView(tall, { width: 1000, height: 800 }, "t150");
    const y = v.y + tall.byId.get("t150")!.y * v.zoom;
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThan(800);
    expect(fit(tall, { width: 1000, height: 800 }).zoom).toBeLessThan(0.1);
  });
  it("keeps what is looked at in its place when something comes before it", () => {
    const before = layOutTree([leaf("r", leaf("x"), leaf("y"))]);
    const after = layOutTree([leaf("r", leaf("w"), leaf("x"), leaf("y"))]);
    const view = { x: 10, y: 20, zoom: 0.5 };
    const next = hold(before, after, view, { width: 500, height: 500 }, "y");
    expect(next.y + after.byId.get("y")!.y * 0.5).toBe(view.y + before.byId.get("y")!.y * 0.5);
    // What stands first does not move, so neither does the view, when nothing has the focus.
    expect(hold(before, after, view, { width: 500, height: 500 })).toEqual(view);
  });
  it("moves only as far as it must to show a node", () => {
    const p = at("c1");
    const view = { x: 0, y: 0, zoom: 1 };
    expect(reveal(p, view, { width: 2000, height: 2000 })).toEqual(view);
    expect(reveal(p, view, { width: 2000, height: 200 }).y).toBe(200 - 40 - p.y - p.height);
  });
});

describe("the nodes", () => {
  it("say where an application comes from", () => {
    expect(repository({ repoURL: "https://git.example.com/acme/platform.git" })).toBe("acme/platform");
    expect(repository({ repoURL: "git@github.com:acme/platform.git" })).toBe("acme/platform");
    expect(repository({ repoURL: "https://charts.example.com" })).toBe("charts.example.com");
    expect(revisionOf({ type: "source", id: "", index: 0, source: { targetRevision: "main" }, revision: "4c1f2d9aa0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5" })).toBe("main @ 4c1f2d9");
  });
  it("are joined from several sources to one application", () => {
    const r = { ...record(), spec: { sources: [{ repoURL: "https://h/a/b" }, { repoURL: "https://h/c/d" }] } } as Application;
    const layout = drawTree(r, []);
    expect(layout.byId.get("app")!.from).toEqual(["source/0", "source/1"]);
    expect(layout.byId.get("source/1")!.y).toBeGreaterThan(layout.byId.get("source/0")!.y);
    expect(sayCard(layout.byId.get("app")!.value)).toBe("Application a, Unknown, Unknown");
  });
});

describe("the network", () => {
  const labels = (app: string) => ({ networkingInfo: { labels: { app, "pod-template-hash": "1" } } });
  const all = (pods: number) =>
    items([
      node("Ingress", "web", { group: "networking.k8s.io", networkingInfo: { targetRefs: [{ kind: "Service", namespace: "n", name: "web" }], externalURLs: ["https://web.example.com/"] } }),
      node("Service", "web", { networkingInfo: { targetLabels: { app: "web" } } }),
      node("Service", "elsewhere", { namespace: "m", networkingInfo: { targetLabels: { app: "web" } } }),
      ...many("Pod", pods, () => labels("web")),
      node("Pod", "other", labels("other")),
      node("ConfigMap", "c"),
    ]);
  it("leads from outside to the pods that a Service selects, in its own namespace", () => {
    const net = netOf(all(2));
    expect(net.wires).toEqual([
      { from: "networking.k8s.io/Ingress/n/web", to: "/Service/n/web" },
      { from: "outside/networking.k8s.io/Ingress/n/web", to: "networking.k8s.io/Ingress/n/web" },
      { from: "/Service/n/web", to: "/Pod/n/x-0000" },
      { from: "/Service/n/web", to: "/Pod/n/x-0001" },
    ]);
    expect(net.items.map((i) => i.id)).not.toContain("/Pod/n/other");
    expect(net.items.map((i) => i.id)).not.toContain("/ConfigMap/n/c");
  });
  it("folds many pods behind one Service", () => {
    const net = netOf(all(50));
    const nothing = readFilter(undefined);
    const { cards, wires } = cardsOf(net, nothing, new Map(), new Set());
    const pods = cards.find((c): c is FoldShown => c.type === "fold")!;
    expect(nameOfFold(pods)).toBe("50 Pods");
    expect(wires).toContainEqual({ from: "/Service/n/web", to: pods.id });
    const opened = cardsOf(net, nothing, press(new Map(), pods), new Set());
    expect(opened.cards.filter((c) => c.type === "item" && c.item.pod).length).toBe(50);
    const { layout } = drawNetwork(cards, wires);
    expect(layout.byId.get(pods.id)!.x).toBeGreaterThan(layout.byId.get("/Service/n/web")!.x);
    expect(step(layout, "/Service/n/web", "right")).toBe(pods.id);
  });
  it("draws the worst routes of very many, and counts the others", () => {
    const services = Array.from({ length: 400 }, (_, i) => [
      node("Service", `s-${i}`, { networkingInfo: { targetLabels: { app: `s-${i}` } } }),
      node("Pod", `p-${i}`, { ...labels(`s-${i}`), health: { status: i === 399 ? "Degraded" : "Healthy" } }),
    ]).flat();
    const { cards, wires } = cardsOf(netOf(items(services)), readFilter(undefined), new Map(), new Set());
    const { layout, left } = drawNetwork(cards, wires);
    expect([layout.places.length, left]).toEqual([300, 250]);
    expect(layout.byId.has("/Pod/n/p-399")).toBe(true);
    expect(new Set(layout.places.filter((p) => p.id.startsWith("/Service")).map((p) => p.x)).size).toBe(1);
  });
  it("is an outline, too, and goes round in no circle", () => {
    const { cards, wires } = cardsOf(netOf(all(2)), readFilter(undefined), new Map(), new Set());
    expect(flat(outlineOf(cards, wires)).map((s) => s.id.split("/")[1])).toEqual(["Ingress", "Service", "Pod", "Pod", "Service"]);
    const round = [...wires, { from: "/Service/n/web", to: "networking.k8s.io/Ingress/n/web" }];
    expect(flat(outlineOf(cards, round)).length).toBe(5);
  });
  it("is cut to what leads to a match, and where a match leads", () => {
    const ids = (find: string) => cut(netOf(all(2)), readFilter(find)).items.map((i) => i.key.kind);
    expect(ids("x-0001")).toEqual(["Ingress", "Service", "Pod"]);
    expect(ids("kind:Ingress")).toEqual(["Ingress", "Service", "Pod", "Pod"]);
  });
});

describe("the pods", () => {
  const d = node("Deployment", "web", { group: "apps" });
  const rs = node("ReplicaSet", "web-1", { group: "apps", ...ownedBy(d) });
  const info = (on: string) => [{ name: "Node", value: on }, { name: "Status Reason", value: "Running" }];
  const all = items([d, rs, node("Pod", "b", { ...ownedBy(rs), info: info("node-1"), health: { status: "Healthy" } }), node("Pod", "a", { ...ownedBy(rs), info: info("node-0"), health: { status: "Degraded" } }), node("Pod", "bare", { info: [] })]);
  const pods = all.filter((i) => i.pod);
  it("are grouped by the topmost owner", () => {
    const groups = groupPods(all, pods, "workload");
    expect(groups.map((g) => [g.title, g.about, g.pods.map((p) => p.key.name).join()])).toEqual([["web", "Deployment", "a,b"], ["Pods without an owner", "", "bare"]]);
    expect(groups[0].states).toEqual([["Degraded", 1], ["Healthy", 1]]);
  });
  it("are grouped by node, those that wait for one last", () => {
    const groups = groupPods(all, pods, "node", [{ name: "node-0", labels: { "topology.kubernetes.io/zone": "z" }, resourcesInfo: [{ resourceName: "cpu", requestedByApp: 200 }, { resourceName: "memory", requestedByApp: 134217728000 }] }]);
    expect(groups.map((g) => g.title)).toEqual(["node-0", "node-1", "Not on a node yet"]);
    expect(groups[0].about).toBe("z · asks for 200m CPU, 128 MiB");
  });
});

describe("the rows", () => {
  const all = items([node("Pod", "b", { health: { status: "Healthy" }, createdAt: "2026-01-01T00:00:00Z" }), node("Pod", "a", { health: { status: "Degraded" }, createdAt: "2026-01-02T00:00:00Z" }), node("ConfigMap", "c")]);
  const names = (sort?: string) => sorted(all, sort).map((i) => i.key.name).join("");
  it("begin with the worst", () => expect(names()).toBe("abc"));
  it("are sorted by each column, both ways", () => {
    expect(names("name")).toBe("abc");
    expect(names("-name")).toBe("cba");
    expect(names("kind")).toBe("cab");
    expect(names("age")).toBe("abc");
    expect(names("nonsense")).toBe("abc");
  });
  it("turn round at the second press", () => {
    expect(nextSort(undefined, "name")).toBe("name");
    expect(nextSort("name", "name")).toBe("-name");
    expect(nextSort("-name", "health")).toBeUndefined();
    expect(nextSort(undefined, "health")).toBe("-health");
    expect(readSort("-health")).toEqual({ column: "health", down: true });
  });
});

it("lays out 2,000 objects in a blink", () => {
  const { record, tree } = sample(2000);
  let nodes = 0;
  // The best of a few: the machine may be busy with something else.
  const ms = Math.min(
    ...Array.from({ length: 5 }, () => {
      const start = performance.now();
      const layout = drawTree(record, fold(itemsOf(record, tree), plainly));
      trunks(layout);
      nodes = layout.places.length;
      return performance.now() - start;
    }),
  );
  console.info(`2,000 objects: ${nodes} nodes laid out in ${ms.toFixed(1)} ms`);
  expect(ms).toBeLessThan(500);
});
