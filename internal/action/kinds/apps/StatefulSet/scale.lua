return hawser.set(obj, "spec.replicas", hawser.count("replicas"))
