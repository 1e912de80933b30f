-- Argo Workflows: a CronWorkflow is fine unless its spec is refused. stopStrategy ends it for good: phase Stopped.
for _, kind in ipairs{"SubmissionError", "SpecError"} do
  local c = hawser.condition(kind)
  if c ~= nil and c.status == "True" then
    return {status = "Degraded", message = c.message}
  end
end
if hawser.get("spec.suspend") then
  return {status = "Suspended", message = "CronWorkflow is suspended"}
end
if hawser.get("status.phase") == "Stopped" then
  return {status = "Suspended", message = "CronWorkflow has met its stop condition"}
end
return {status = "Healthy"}
