-- MongoDB Enterprise operator: phase and message; Reconciling is also the first one.
return hawser.phase{
  healthy = "Running", progressing = {"Pending", "Reconciling"}, degraded = "Failed", suspended = "Disabled",
  path = "status.phase", message = "status.message", waiting = "Waiting for Ops Manager",
}
