-- Upbound managed resources: Synced says whether the last attempt to reconcile worked, Ready whether the thing outside exists and
-- works. Synced comes first: while it fails, Ready is of the past. Kinds of configuration have neither.
local synced = hawser.condition("Synced")
if hawser.get("spec.forProvider") == nil and synced == nil and hawser.condition("Ready") == nil then
  if hawser.get("status.conditions") == nil then
    return {status = "Healthy"}
  end
  return nil -- conditions of some other kind: not ours to judge
end
if synced ~= nil and synced.status == "False" then
  if synced.reason == "ReconcilePaused" then
    return {status = "Suspended", message = synced.message or "Reconciliation is paused"}
  end
  return {status = "Degraded", message = synced.message or synced.reason}
end
local last = hawser.condition("LastAsyncOperation")
if last ~= nil and last.status == "False" then
  return {status = "Degraded", message = last.message or last.reason}
end
return hawser.conditions{ready = "Ready", waits = {"Creating", "Deleting"}, waiting = "Waiting for the resource to be created"}
