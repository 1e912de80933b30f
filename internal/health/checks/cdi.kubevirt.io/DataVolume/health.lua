-- Containerized Data Importer: WaitForFirstConsumer is as far as it gets until a machine uses the volume.
return hawser.phase{
  waiting = "Waiting for the import", healthy = {"Succeeded", "WaitForFirstConsumer", "PendingPopulation"},
  suspended = "Paused", degraded = "Failed",
}
