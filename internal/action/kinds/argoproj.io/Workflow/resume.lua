return hawser.set(obj, "spec.suspend", nil)
