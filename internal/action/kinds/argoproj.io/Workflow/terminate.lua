-- Exit handlers do not run.
return hawser.set(obj, "spec.shutdown", "Terminate")
