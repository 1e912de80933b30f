return hawser.set(obj, "status.abort", false)
