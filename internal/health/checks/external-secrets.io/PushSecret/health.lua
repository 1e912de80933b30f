-- External Secrets: Ready says whether the secret was written to all stores. It is kept over changes of the spec; what was
-- pushed last stands in syncedResourceVersion as <generation>-<hash>.
local synced = tonumber((hawser.get("status.syncedResourceVersion") or ""):match("^(%d+)%-"))
local generation = hawser.get("metadata.generation")
local ready = hawser.condition("Ready")
if ready ~= nil and ready.status == "True" and synced ~= nil and generation ~= nil and synced < generation then
  return {status = "Progressing", message = "Waiting for generation " .. generation .. " to be pushed, the last one was " .. synced}
end
return hawser.conditions{ready = "Ready", waiting = "Waiting for the secret to be pushed"}
