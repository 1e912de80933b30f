-- Kyverno: Ready once the webhooks are set up for the policy. Versions before 1.9 had the boolean status.ready.
local old = hawser.get("status.ready")
if old ~= nil and hawser.get("status.conditions") == nil then
  if old then
    return {status = "Healthy"}
  end
  return {status = "Progressing", message = "Policy is not ready"}
end
return hawser.conditions{ready = "Ready", waiting = "Waiting for the policy to be ready"}
