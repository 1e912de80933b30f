-- Exit handlers still run.
return hawser.set(obj, "spec.shutdown", "Stop")
