-- Argo Rollouts writes the verdict itself: status.phase and status.message. Its observedGeneration is a string.
local generation = hawser.get("metadata.generation") or 0
local seen = tonumber(hawser.get("status.observedGeneration") or "")
if seen ~= nil and seen < generation then
  return {status = "Progressing", message = "Waiting for rollout to finish: observed generation " .. seen .. " is less than " .. generation}
end
local workload = (hawser.get("metadata.annotations") or {})["rollout.argoproj.io/workload-generation"]
local followed = hawser.get("status.workloadObservedGeneration")
if hawser.get("spec.workloadRef") ~= nil and workload ~= nil and workload ~= followed then
  return {status = "Progressing", message = "Waiting for rollout to finish: the workload it refers to has changed"}
end
if hawser.get("status.phase") ~= nil then
  if hawser.get("spec.paused") and hawser.get("status.phase") ~= "Degraded" then
    return {status = "Suspended", message = "Rollout is paused"}
  end
  return hawser.phase{healthy = "Healthy", progressing = "Progressing", suspended = "Paused", degraded = "Degraded"}
end
-- Versions before 1.0 have conditions only.
local invalid, progress = hawser.condition("InvalidSpec"), hawser.condition("Progressing")
if invalid ~= nil and invalid.status == "True" then
  return {status = "Degraded", message = invalid.message}
end
if progress ~= nil and (progress.reason == "ProgressDeadlineExceeded" or progress.reason == "RolloutAborted") then
  return {status = "Degraded", message = progress.message}
end
return {status = "Progressing", message = "Waiting for rollout to finish: no status has been written yet"}
