-- Istio writes a status only where it is switched on: what the analysers found, and how many proxies have it.
for _, m in ipairs(hawser.get("status.validationMessages") or {}) do
  local kind = m.type or {}
  if m.level == "ERROR" or m.level == 3 then
    return {status = "Degraded", message = (kind.name or "error") .. " (" .. (kind.code or "no code") .. ")"}
  end
end
local reconciled = hawser.condition("Reconciled")
if reconciled ~= nil and reconciled.status == "False" then
  return {status = "Progressing", message = reconciled.message or "Proxies are being told"}
end
return {status = "Healthy"}
