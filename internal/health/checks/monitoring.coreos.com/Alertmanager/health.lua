-- Prometheus operator: Reconciled=False is a wrong spec. Available is True, False or Degraded (a fourth word of its
-- own) by the pods that are ready; those are also on their way after every change.
if hawser.get("spec.paused") then
  return {status = "Suspended", message = "Alertmanager is paused"}
end
local reconciled, available = hawser.condition("Reconciled"), hawser.condition("Available")
if reconciled ~= nil and reconciled.status == "False" then
  return {status = "Degraded", message = reconciled.message or reconciled.reason}
end
if available ~= nil and available.status == "Degraded" then
  return {status = "Progressing", message = available.message or available.reason}
end
return hawser.conditions{ready = {"Available", "Reconciled"}, patient = true, waiting = "Waiting for Alertmanager to start"}
