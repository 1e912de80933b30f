return hawser.set(obj, "spec.suspend", true)
