return hawser.set(obj, "spec.paused", nil)
