return hawser.set(obj, "spec.lifecycle.desiredPhase", "Paused")
