return hawser.set(obj, "spec.terminate", true)
