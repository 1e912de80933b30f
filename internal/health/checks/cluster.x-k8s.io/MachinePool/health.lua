-- Cluster API: a MachinePool is there when its instances are.
-- v1beta2 has the conditions Paused and Ready; v1beta1 has Ready with a severity, of which only Error is one.
if hawser.get("spec.paused") then
  return {status = "Suspended", message = "MachinePool is paused"}
end
local paused = hawser.condition("Paused")
if paused ~= nil and paused.status == "True" then
  return {status = "Suspended", message = paused.message or "MachinePool is paused"}
end
local stale = hawser.stale()
if stale ~= nil then
  return stale
end
local failure = hawser.get("status.failureMessage")
if failure ~= nil or hawser.get("status.phase") == "Failed" then
  return {status = "Degraded", message = failure or "The phase is Failed"}
end
local c = hawser.condition("Ready") or hawser.condition("Ready")
if c == nil then
  return {status = "Progressing", message = "Waiting for the first conditions"}
end
if c.status == "True" then
  return {status = "Healthy"}
end
if c.status == "False" and c.severity == "Error" then
  return {status = "Degraded", message = c.message or c.reason}
end
return {status = "Progressing", message = c.message or c.reason or hawser.get("status.phase")}
