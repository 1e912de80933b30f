-- cert-manager: status.state holds the states of RFC 8555, and errored for what can be tried again with a new one.
return hawser.phase{
  path = "status.state", message = "status.reason", waiting = "Waiting for the ACME order",
  healthy = "valid", progressing = {"pending", "ready", "processing", "unknown"}, degraded = {"invalid", "expired", "errored"},
}
