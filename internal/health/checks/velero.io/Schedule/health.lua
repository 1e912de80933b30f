-- Velero: a schedule is Enabled or refused.
if hawser.get("spec.paused") then
  return {status = "Suspended", message = "Schedule is paused"}
end
if hawser.get("status.phase") == "FailedValidation" then
  return {status = "Degraded", message = table.concat(hawser.get("status.validationErrors") or {}, "; ")}
end
return hawser.phase{healthy = "Enabled", progressing = "New", waiting = "Waiting to be validated"}
