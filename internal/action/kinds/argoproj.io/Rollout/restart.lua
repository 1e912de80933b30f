return hawser.set(obj, "spec.restartAt", hawser.now())
