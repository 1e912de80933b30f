-- Velero: whether the bucket could be reached at the last look.
return hawser.phase{
  healthy = "Available", degraded = "Unavailable",
  path = "status.phase", message = "status.message", waiting = "Waiting for the first look",
}
