// What a log says about itself, in a sentence.
import { lifeOf, waitingFor, type Pod } from "./pods";
import type { SourceState } from "./source";

/** What stands in the list's place while it has no line. */
export function whyEmpty(state: SourceState["is"], pods: Pod[], kind: string, previous: boolean): { title: string; text: string } {
  if (previous) return { title: "The earlier run printed nothing", text: "" };
  if (pods.length === 0) {
    return kind === "Pod"
      ? { title: "The pod is gone", text: "Its log went with it. Open the log of the workload that it belonged to, to see the pods that are there now." }
      : { title: "There is no pod", text: `This ${kind} has no pods at the moment: its replicas may be 0, or they are not made yet. Their lines will appear here.` };
  }
  const waiting = pods.filter((p) => lifeOf(p) === "waiting");
  if (waiting.length === pods.length) {
    const reasons = new Set(waiting.map((p) => p.reason));
    const text = waitingFor(waiting[0]);
    return { title: "No line yet", text: pods.length > 1 ? text.replace(/^The pod has/, reasons.size === 1 ? "The pods have" : `Pod ${waiting[0].name} has`).replace(/^The pod is/, "The pods are") : text };
  }
  if (pods.every((p) => lifeOf(p) === "ended")) return { title: pods.length > 1 ? "The pods have ended" : "The pod has ended", text: "Nothing was printed, or nothing in the time that was asked for." };
  if (state === "ended") return { title: "No line", text: "Nothing was printed in the time that was asked for." };
  return { title: "No line yet", text: `The ${pods.length > 1 ? "pods run" : "pod runs"}, and ${pods.length > 1 ? "have" : "has"} printed nothing in the time that was asked for. New lines will appear here.` };
}

/** What the stream is doing. */
export function doing(state: SourceState["is"], pods: Pod[], previous: boolean): string {
  switch (state) {
    case "connecting":
      return "Opening the log";
    case "live":
      return previous ? "Loading the earlier run" : "Live";
    case "lost":
      return "The connection broke off. Going on as soon as Hawser answers, without losing a line";
    case "paused":
      return "Waiting until this tab is looked at";
    case "refused":
      return "Stopped";
    case "ended": {
      if (previous) return "The end of the earlier run";
      if (pods.length === 0) return "The pods are gone";
      if (pods.every((p) => lifeOf(p) === "ended")) {
        const reasons = [...new Set(pods.map((p) => p.reason))].join(", ");
        return `${pods.length > 1 ? "The pods have" : "The pod has"} ended (${reasons})`;
      }
      return "No container runs at the moment. New lines appear here when one does";
    }
  }
}

/** What changed among the pods: those that came and those that went. */
export function changes(before: Pod[], after: Pod[]): string[] {
  const had = new Set(before.map((p) => p.uid));
  const has = new Set(after.map((p) => p.uid));
  return [
    ...after.filter((p) => !had.has(p.uid)).map((p) => `Pod ${p.name} is new.`),
    ...before.filter((p) => !has.has(p.uid)).map((p) => `Pod ${p.name} is gone.`),
  ];
}
