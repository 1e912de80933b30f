-- Paused by people in the spec, or by a step in the status.
hawser.set(obj, "spec.paused", nil)
hawser.set(obj, "status.pauseConditions", nil)
-- An analysis without a verdict has paused it: go on behind its step.
if hawser.get("status.canary.currentStepAnalysisRunStatus.status") == "Inconclusive" then
  hawser.set(obj, "status.controllerPause", nil)
  hawser.set(obj, "status.currentStepIndex", (hawser.get("status.currentStepIndex") or 0) + 1)
end
return obj
