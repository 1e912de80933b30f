-- CloudNativePG: a Backup runs once.
return hawser.phase{
  message = "status.error", waiting = "Waiting for the backup to start",
  healthy = "completed", progressing = {"pending", "new", "started", "running", "finalizing"}, degraded = {"failed", "walArchivingFailing"},
}
