-- What kubectl cnpg promote does: the status names the instance that is to lead.
local wanted = actionParams.instance or "any"
local primary = hawser.get("status.currentPrimary")
local healthy = hawser.get("status.instancesStatus.healthy") or hawser.get("status.instanceNames") or {}
local target
for _, name in ipairs(healthy) do
  if name ~= primary and (wanted == "any" or wanted == name) then
    target = target or name
  end
end
if target == nil then
  error("no healthy replica " .. wanted .. " that could lead instead of " .. tostring(primary), 0)
end
hawser.set(obj, "status.targetPrimary", target)
hawser.set(obj, "status.targetPrimaryTimestamp", os.date("!%Y-%m-%dT%H:%M:%S.000000Z"))
hawser.set(obj, "status.phase", "Switchover in progress")
return hawser.set(obj, "status.phaseReason", "Switching over to " .. target)
