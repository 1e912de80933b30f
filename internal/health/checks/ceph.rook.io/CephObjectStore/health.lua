-- Rook: the phase of the pool, file system or store.
return hawser.phase{
  healthy = {"Ready", "Connected"}, progressing = {"Progressing", "Created", "Updating"}, degraded = {"Failure", "ReconcileFailed"},
  path = "status.phase", message = "status.message", waiting = "Waiting for the operator",
}
