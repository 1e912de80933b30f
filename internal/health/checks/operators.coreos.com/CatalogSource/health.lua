-- OLM: the state of the gRPC connection to the catalogue.
return hawser.phase{
  path = "status.connectionState.lastObservedState", waiting = "Waiting for the catalogue",
  healthy = {"READY", "IDLE"}, progressing = "CONNECTING", degraded = {"TRANSIENT_FAILURE", "SHUTDOWN"},
}
