-- Zalando: PostgresClusterStatus; SyncFailed and UpdateFailed mean that the running cluster is not the declared one.
return hawser.phase{
  healthy = "Running", progressing = {"Creating", "Updating"}, degraded = {"CreateFailed", "UpdateFailed", "SyncFailed", "Invalid"},
  path = "status.PostgresClusterStatus", message = "status.message", waiting = "Waiting for the cluster",
}
