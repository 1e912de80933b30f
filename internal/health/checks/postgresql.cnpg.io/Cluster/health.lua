-- CloudNativePG: the phase is a sentence, phaseReason the cause. Some phases end only when a person does something.
-- Archiving that fails does not stop the database, but its backups are worth nothing: that is Degraded.
local hibernated = hawser.condition("cnpg.io/hibernation")
if hibernated ~= nil and hibernated.status == "True" then
  return {status = "Suspended", message = hibernated.message}
end
local archiving = hawser.condition("ContinuousArchiving")
if hawser.get("status.phase") == "Cluster in healthy state" and archiving ~= nil and archiving.status == "False" then
  return {status = "Degraded", message = archiving.message or "Continuous archiving is failing"}
end
local stuck = {
  "Cluster is unrecoverable and needs manual intervention",
  "Cluster is in an unrecoverable state, needs manual intervention",
  "Cluster cannot proceed to reconciliation due to an unknown plugin being required",
  "Cluster cannot proceed to reconciliation due to an error while interacting with plugins",
  "Cluster has incomplete or invalid image catalog",
  "Cluster cannot execute instance online upgrade due to missing architecture binary",
  "Unable to create required cluster objects",
  "Not enough disk space",
  "Invalid cluster definition",
}
local phase, reason = hawser.get("status.phase"), hawser.get("status.phaseReason")
for _, s in ipairs(stuck) do
  if phase == s then
    return {status = "Degraded", message = reason ~= nil and reason ~= "" and phase .. ": " .. reason or phase}
  end
end
return hawser.phase{
  healthy = "Cluster in healthy state", suspended = "Waiting for user action",
  message = "status.phaseReason", waiting = "Waiting for the cluster to be created",
}
