-- OLM: conditions here are problems. A manual approval that is pending is a pause, not a problem.
for _, kind in ipairs{"ResolutionFailed", "InstallPlanFailed", "CatalogSourcesUnhealthy", "BundleUnpackFailed"} do
  local c = hawser.condition(kind)
  if c ~= nil and c.status == "True" then
    return {status = "Degraded", message = c.message or c.reason}
  end
end
local pending = hawser.condition("InstallPlanPending")
if pending ~= nil and pending.status == "True" and pending.reason == "RequiresApproval" then
  return {status = "Suspended", message = "An install plan waits for approval"}
end
return hawser.phase{
  path = "status.state", waiting = "Waiting for the subscription to be resolved",
  healthy = {"AtLatestKnown", "UpgradeAvailable"}, progressing = "UpgradePending", degraded = "UpgradeFailed",
}
