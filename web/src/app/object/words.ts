// What the actions that come with Hawser do, in words. Others are known only by their names.
const known: Record<string, string> = {
  "apps/Deployment/restart": "Replaces its pods by new ones, as its strategy says, without changing what runs in them.",
  "apps/StatefulSet/restart": "Replaces its pods by new ones, one after the other.",
  "apps/DaemonSet/restart": "Replaces its pods by new ones, node by node.",
  "apps/Deployment/pause": "Keeps what it runs as it is: changes of its template wait until it is resumed.",
  "apps/Deployment/resume": "Lets changes of its template go out again.",
  "apps/Deployment/scale": "Sets how many pods it wants.",
  "apps/StatefulSet/scale": "Sets how many pods it wants.",
  "apps/ReplicaSet/scale": "Sets how many pods it wants. What owns it may set it back.",
  "batch/CronJob/create-job": "Runs the job once, now, besides its schedule.",
  "batch/CronJob/suspend": "Starts no more jobs until it is resumed.",
  "batch/CronJob/resume": "Starts jobs by its schedule again.",
  "batch/Job/suspend": "Deletes its pods, and goes on when it is resumed.",
  "batch/Job/resume": "Goes on with the job.",
  "batch/Job/terminate": "Ends the job: its pods are deleted.",
};

/** What an action does; undefined when only its name is known. */
export const doing = (group: string, kind: string, action: string): string | undefined => {
  const name = `${group}/${kind}/${action}`;
  return Object.hasOwn(known, name) ? known[name] : undefined;
};

/** "create-job" as people read it: "Create job". */
export function title(action: string, display?: string): string {
  const words = (display || action).replace(/[-_]+/g, " ").trim() || action;
  return words.charAt(0).toUpperCase() + words.slice(1);
}
