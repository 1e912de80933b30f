-- Velero: a partial failure is one; it goes on through phases of its own.
return hawser.phase{
  healthy = "Completed", progressing = {"New", "InProgress", "WaitingForPluginOperations", "Finalizing", "Deleting"},
  degraded = {"FailedValidation", "WaitingForPluginOperationsPartiallyFailed", "FinalizingPartiallyFailed", "PartiallyFailed", "Failed"},
  path = "status.phase", message = "status.failureReason", waiting = "Waiting to be started",
}
