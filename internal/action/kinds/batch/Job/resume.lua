return hawser.set(obj, "spec.suspend", false)
