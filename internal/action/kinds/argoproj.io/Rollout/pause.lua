return hawser.set(obj, "spec.paused", true)
