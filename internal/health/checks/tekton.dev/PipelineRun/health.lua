-- Tekton: Succeeded is Unknown while it runs. A run that is created as pending waits for a person.
if hawser.get("spec.status") == "PipelineRunPending" then
  return {status = "Suspended", message = "PipelineRun is pending on purpose"}
end
return hawser.conditions{ready = "Succeeded", waiting = "Waiting to be started"}
