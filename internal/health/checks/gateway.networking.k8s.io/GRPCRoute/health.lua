-- Gateway API: a route has conditions for each parent. It is as good as the worst of them. A route without a parent
-- that answers is waiting: controllers say nothing about Gateways that they do not have.
local generation = hawser.get("metadata.generation") or 0
local parents = hawser.get("status.parents") or {}
local waiting = nil
for _, parent in ipairs(parents) do
  local name = parent.parentRef and parent.parentRef.name or "?"
  local accepted = false
  for _, c in ipairs(parent.conditions or {}) do
    if (c.observedGeneration or generation) < generation then
      waiting = "Waiting for " .. name .. " to observe generation " .. generation
    elseif c.status == "False" and (c.type == "Accepted" or c.type == "ResolvedRefs") then
      return {status = "Degraded", message = name .. ": " .. (c.message or c.reason or c.type)}
    elseif c.type == "Accepted" and c.status == "True" then
      accepted = true
    end
  end
  if not accepted and waiting == nil then
    waiting = "Waiting for " .. name .. " to accept the route"
  end
end
if #parents == 0 then
  waiting = "Waiting for a parent to accept the route"
end
if waiting ~= nil then
  return {status = "Progressing", message = waiting}
end
return {status = "Healthy"}
