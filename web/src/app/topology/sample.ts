// A made-up application of any size, for tests and for measuring: deployments with former revisions and pods, services,
// configuration, jobs, some of it not well. The same size gives the same application.
import type { Application, ApplicationTree, ResourceNode, ResourceStatus } from "../../types";

export function sample(size: number): { record: Application; tree: ApplicationTree } {
  const nodes: ResourceNode[] = [];
  const resources: ResourceStatus[] = [];
  let made = 0;
  const add = (n: ResourceNode, managed?: Partial<ResourceStatus>, owner?: ResourceNode) => {
    const node: ResourceNode = { namespace: "big", uid: `uid-${made++}`, version: "v1", createdAt: new Date(Date.UTC(2026, 0, 1) + made * 60_000).toISOString(), ...n };
    if (owner) node.parentRefs = [{ group: owner.group, kind: owner.kind, namespace: owner.namespace, name: owner.name, uid: owner.uid }];
    nodes.push(node);
    if (managed) resources.push({ group: node.group, kind: node.kind, namespace: node.namespace, name: node.name, version: node.version, status: "Synced", health: node.health, ...managed });
    return node;
  };
  const full = () => nodes.length >= size;
  for (let d = 0; !full(); d++) {
    const name = `service-${String(d).padStart(3, "0")}`;
    const broken = d % 17 === 3;
    const deployment = add(
      { group: "apps", kind: "Deployment", name, health: broken ? { status: "Degraded", message: "1 of 5 pods cannot pull image web:9 (ImagePullBackOff)" } : { status: "Healthy" }, info: [{ name: "Revision", value: "Rev:4" }] },
      d % 13 === 5 ? { status: "OutOfSync" } : {},
    );
    for (let rev = 4; rev >= 1 && !full(); rev--) {
      const set = add({ group: "apps", kind: "ReplicaSet", name: `${name}-${rev}f7c9`, health: { status: "Healthy" }, info: [{ name: "Revision", value: `Rev:${rev}` }] }, undefined, deployment);
      for (let p = 0; rev === 4 && p < (d % 5 === 0 ? 20 : 5) && !full(); p++) {
        const bad = broken && p === 0;
        add(
          {
            kind: "Pod",
            name: `${set.name}-${(p * 7919 + d).toString(36).padStart(5, "x")}`,
            health: bad ? { status: "Degraded", message: "Back-off pulling image web:9" } : { status: "Healthy" },
            images: [`registry.example.com/acme/web:${bad ? 9 : 8}`],
            info: [{ name: "Status Reason", value: bad ? "ImagePullBackOff" : "Running" }, { name: "Node", value: `node-${p % 6}` }, { name: "Containers", value: bad ? "0/1" : "1/1" }],
            networkingInfo: { labels: { app: name } },
          },
          undefined,
          set,
        );
      }
    }
    if (full()) break;
    add({ kind: "Service", name, health: { status: "Healthy" }, networkingInfo: { targetLabels: { app: name } } }, {});
    if (d % 4 === 0) add({ group: "networking.k8s.io", kind: "Ingress", name, health: { status: "Healthy" }, networkingInfo: { targetRefs: [{ kind: "Service", namespace: "big", name }], externalURLs: [`https://${name}.example.com/`] } }, {});
    add({ kind: "ConfigMap", name: `${name}-settings` }, { syncWave: -1 });
    add({ kind: "Secret", name: `${name}-database` }, {});
    if (d % 9 === 0) add({ group: "cert-manager.io", kind: "CertificateRequest", name, health: { status: "Progressing", message: "Waiting for the issuer" } }, {});
    if (d % 10 === 0) {
      const cron = add({ group: "batch", kind: "CronJob", name: `${name}-report` }, {});
      const job = add({ group: "batch", kind: "Job", name: `${name}-report-1`, health: { status: "Healthy" } }, undefined, cron);
      add({ kind: "Pod", name: `${name}-report-1-abcde`, health: { status: "Healthy" }, info: [{ name: "Status Reason", value: "Completed" }, { name: "Containers", value: "0/1" }] }, undefined, job);
    }
  }
  return {
    tree: { nodes: nodes.slice(0, size) },
    record: {
      metadata: { name: "big", namespace: "argocd" },
      spec: { project: "default", source: { repoURL: "https://git.example.com/acme/big.git", path: ".", targetRevision: "main" }, destination: { server: "https://kubernetes.default.svc", namespace: "big" } },
      status: { sync: { status: "OutOfSync", revision: "4c1f2d9aa0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5" }, health: { status: "Degraded" }, resources },
    },
  };
}
