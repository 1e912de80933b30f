-- Percona operators: state; a paused cluster has no pods. The messages are lists, so the state speaks.
return hawser.phase{
  healthy = "ready", progressing = {"initializing", "stopping"}, degraded = "error", suspended = "paused",
  path = "status.state", message = "status.message", waiting = "Waiting for the cluster",
}
