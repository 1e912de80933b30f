return hawser.set(obj, "spec.lifecycle.desiredPhase", "Running")
