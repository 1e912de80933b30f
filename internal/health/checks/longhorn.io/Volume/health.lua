-- Longhorn: robustness counts for attached volumes only; of a detached one it is unknown. Too few replicas is degraded.
local state, robustness = hawser.get("status.state"), hawser.get("status.robustness")
if robustness == "faulted" then
  return {status = "Degraded", message = "All replicas are lost"}
end
if state == "detached" then
  return {status = "Healthy", message = "The volume is detached"}
end
if state ~= "attached" then
  return {status = "Progressing", message = state or "Waiting for the volume"}
end
if robustness == "healthy" then
  return {status = "Healthy"}
end
if robustness == "degraded" then
  return {status = "Degraded", message = "Replicas are missing or being rebuilt"}
end
return {status = "Progressing", message = "The state of the replicas is not known yet"}
