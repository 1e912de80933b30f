-- CloudNativePG: status.applied says whether PostgreSQL has taken the declaration.
local stale = hawser.stale()
if stale ~= nil then
  return stale
end
local applied, message = hawser.get("status.applied"), hawser.get("status.message")
if applied == nil then
  return {status = "Progressing", message = "Waiting for the subscription to be created"}
end
if applied then
  return {status = "Healthy"}
end
return {status = "Degraded", message = message or "PostgreSQL has refused it"}
