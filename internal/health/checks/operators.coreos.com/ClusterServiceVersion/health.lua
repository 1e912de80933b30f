-- OLM: the phases of an operator that is being installed; Replacing gives way to a newer one.
return hawser.phase{
  healthy = {"Succeeded", "Replacing"}, progressing = {"Pending", "InstallReady", "Installing", "Deleting", "Unknown"}, degraded = "Failed",
  path = "status.phase", message = "status.message", waiting = "Waiting to be installed",
}
