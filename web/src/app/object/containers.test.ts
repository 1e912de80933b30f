import { expect, test } from "vitest";
import { containersOf } from "./containers";

const pod = {
  spec: { initContainers: [{ name: "migrate" }, { name: "mesh", restartPolicy: "Always" }], containers: [{ name: "web" }, { name: "worker" }], ephemeralContainers: undefined },
  status: {
    initContainerStatuses: [{ name: "migrate", state: { terminated: { reason: "Completed" } } }],
    containerStatuses: [{ name: "web", state: { waiting: { reason: "CrashLoopBackOff" } } }, { name: "worker", state: { running: {} } }],
    ephemeralContainerStatuses: undefined,
  },
};

test("containers, which run and why others do not", () => {
  expect(containersOf(pod)).toEqual({
    all: [
      { name: "migrate", starter: true, running: false, reason: "Completed" },
      { name: "mesh", starter: false, running: false, reason: undefined },
      { name: "web", starter: false, running: false, reason: "CrashLoopBackOff" },
      { name: "worker", starter: false, running: true, reason: undefined },
    ],
    usual: "worker",
  });
});

test("the pod may name the one that is meant", () => {
  const annotated = (name: string) => containersOf({ ...pod, metadata: { annotations: { "kubectl.kubernetes.io/default-container": name } } }).usual;
  expect(annotated("web")).toBe("web");
  expect(annotated("gone")).toBe("worker");
  expect(containersOf({}).usual).toBeUndefined();
});
