-- A job with the condition FailureTarget is ended by its controller: it removes the pods, then the job has failed.
local conditions = hawser.get("status.conditions") or {}
table.insert(conditions, {
  type = "FailureTarget", status = "True", reason = "ManuallyTerminated", message = "ended by a person, through an action",
  lastTransitionTime = hawser.now(), lastProbeTime = hawser.now(),
})
return hawser.set(obj, "status.conditions", conditions)
