hawser.set(obj, "status.pauseConditions", nil)
return hawser.set(obj, "status.currentStepIndex", (hawser.get("status.currentStepIndex") or 0) + 1)
