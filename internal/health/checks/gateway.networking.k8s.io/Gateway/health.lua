-- Gateway API: Accepted says whether the spec is understood, Programmed whether the data plane has it. A listener that
-- cannot be used is Degraded although others work.
for _, listener in ipairs(hawser.get("status.listeners") or {}) do
  for _, c in ipairs(listener.conditions or {}) do
    local good = c.type == "Accepted" or c.type == "ResolvedRefs"
    if good and c.status == "False" and hawser.observed() then
      return {status = "Degraded", message = "Listener " .. (listener.name or "?") .. ": " .. (c.message or c.reason or c.type)}
    end
  end
end
return hawser.conditions{
  ready = {"Accepted", "Programmed"}, waits = {"Pending", "AddressNotAssigned", "NoResources"},
  waiting = "Waiting for a controller",
}
