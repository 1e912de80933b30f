-- External Secrets: Ready, and in older versions also PartiallyReady and NotReady, of which the last one written counts.
local all = hawser.get("status.conditions") or {}
local last = all[#all]
if last ~= nil and (last.type == "PartiallyReady" or last.type == "NotReady") and last.status == "True" then
  return {status = "Degraded", message = last.message or last.type}
end
return hawser.conditions{ready = "Ready", waiting = "Waiting for the secrets to be created"}
