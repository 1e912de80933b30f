-- mariadb-operator: Ready=False is also the state while pods start; only some reasons are failures.
if hawser.get("spec.suspend") then
  return {status = "Suspended", message = "MariaDB is suspended"}
end
return hawser.conditions{ready = "Ready", patient = true, fails = {"Failed", "RestoreBackupFailed"}, waiting = "Waiting for MariaDB"}
