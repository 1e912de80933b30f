-- Vault Secrets Operator: lastGeneration is written after a successful sync. Recent versions add conditions, of which Ready
-- alone says that the secret is there and can be used.
local doubt
for _, kind in ipairs{"Ready", "SecretSynced", "Healthy"} do
  local c = hawser.condition(kind)
  if c ~= nil and c.status == "False" then
    return {status = "Degraded", message = c.message or c.reason}
  end
  if c ~= nil and c.status ~= "True" and doubt == nil then
    doubt = c.message or c.reason or "Waiting for the secret to be synced"
  end
end
if hawser.get("status.valid") == false then
  return {status = "Degraded", message = hawser.get("status.error") or "The certificate is not valid"}
end
local synced, generation = hawser.get("status.lastGeneration") or 0, hawser.get("metadata.generation") or 1
if doubt ~= nil or synced < generation then
  return {status = "Progressing", message = doubt or "Waiting for the secret to be synced"}
end
return {status = "Healthy"}
