import { expect, test } from "vitest";
import { changes, doing, whyEmpty } from "./status";

const pod = (name: string, reason: string) => ({ name, namespace: "shop", uid: name, reason });

test("says why there is no line", () => {
  expect(whyEmpty("live", [pod("a", "Running")], "Pod", false)).toEqual({ title: "No line yet", text: expect.stringContaining("The pod runs, and has printed nothing") });
  expect(whyEmpty("ended", [pod("a", "ContainerCreating"), pod("b", "ContainerCreating")], "Deployment", false).text).toMatch(/^The pods are starting/);
  expect(whyEmpty("refused", [pod("a", "ImagePullBackOff")], "Pod", false).text).toContain("image cannot be pulled");
  expect(whyEmpty("ended", [pod("a", "Completed")], "Job", false).title).toBe("The pod has ended");
  expect(whyEmpty("ended", [], "Deployment", false).title).toBe("There is no pod");
  expect(whyEmpty("ended", [], "Pod", false).title).toBe("The pod is gone");
});

test("says what it does", () => {
  expect(doing("ended", [pod("a", "Completed")], false)).toBe("The pod has ended (Completed)");
  expect(doing("ended", [pod("a", "CrashLoopBackOff")], false)).toContain("No container runs");
  expect(doing("ended", [pod("a", "Running")], true)).toBe("The end of the earlier run");
});

test("says which pods came and went", () => {
  expect(changes([pod("a", "Running"), pod("b", "Running")], [pod("b", "Error"), pod("c", "Pending")])).toEqual(["Pod c is new.", "Pod a is gone."]);
});
