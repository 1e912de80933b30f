-- Vault Secrets Operator: status.valid is the verdict, status.error its reason where there is one.
local valid = hawser.get("status.valid")
if valid == nil then
  return {status = "Progressing", message = "Waiting to be validated"}
end
if valid then
  return {status = "Healthy"}
end
local why = hawser.get("status.error")
return {status = "Degraded", message = why ~= nil and why ~= "" and why or "VaultAuthGlobal is not valid"}
