return hawser.set(obj, "status.abort", true)
