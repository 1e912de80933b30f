-- Azure Service Operator: Ready=False has a severity: Info passes by itself, Warning is tried again, Error is final.
local ready = hawser.condition("Ready")
if ready ~= nil and ready.status == "False" and ready.severity == "Info" and hawser.observed() then
  return {status = "Progressing", message = ready.message or ready.reason}
end
return hawser.conditions{ready = "Ready", waiting = "Waiting for the resource"}
