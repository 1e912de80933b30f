-- Prometheus operator: configuration has a status only in recent versions and where it is switched on: one entry in
-- bindings for each workload that selected it, with the condition Accepted.
for _, binding in ipairs(hawser.get("status.bindings") or {}) do
  for _, c in ipairs(binding.conditions or {}) do
    if c.type == "Accepted" and c.status == "False" then
      return {status = "Degraded", message = (binding.name or "a workload") .. " does not accept it: " .. (c.message or c.reason or "no reason given")}
    end
  end
end
return {status = "Healthy"}
