hawser.set(obj, "spec.paused", nil)
return hawser.set(obj, "status.promoteFull", true)
