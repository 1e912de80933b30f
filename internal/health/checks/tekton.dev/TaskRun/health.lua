-- Tekton: Succeeded is Unknown while it runs. A run that is created as pending waits for a person.
if hawser.get("spec.status") == "TaskRunPending" then
  return {status = "Suspended", message = "TaskRun is pending on purpose"}
end
return hawser.conditions{ready = "Succeeded", waiting = "Waiting to be started"}
