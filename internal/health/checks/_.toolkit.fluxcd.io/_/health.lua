-- Flux: the conditions of its toolkit, the same for all kinds. Ready=False stays while a failed attempt is repeated;
-- Reconciling then has the reason ProgressingWithRetry, which is no progress. Alert, Provider and OCI repositories are
-- read by others and have no status.
local kind = hawser.get("kind")
if hawser.get("spec.suspend") then
  return {status = "Suspended", message = kind .. " is suspended"}
end
if kind == "Alert" or kind == "Provider" or (kind == "HelmRepository" and hawser.get("spec.type") == "oci") then
  if hawser.get("status.conditions") == nil then
    return {status = "Healthy"}
  end
end
local reconciling = hawser.condition("Reconciling")
local busy = {}
if reconciling ~= nil and reconciling.reason ~= "ProgressingWithRetry" then
  busy = {"Reconciling"}
end
return hawser.conditions{
  ready = "Ready", failed = "Stalled", busy = busy, waits = {"DependencyNotReady", "Progressing", "ArtifactFailed"},
  waiting = "Waiting to be reconciled",
}
