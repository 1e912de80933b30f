-- CloudNativePG: a schedule has no success of its own; the Backups it makes have.
if hawser.get("spec.suspend") then
  return {status = "Suspended", message = "ScheduledBackup is suspended"}
end
return {status = "Healthy"}
