-- MongoDB Community operator: phase and message.
return hawser.phase{
  healthy = "Running", progressing = "Pending", degraded = "Failed",
  path = "status.phase", message = "status.message", waiting = "Waiting for the replica set",
}
