-- Google Config Connector: Ready=False has reasons that pass by themselves.
return hawser.conditions{
  ready = "Ready", waits = {"Updating", "Creating", "Deleting", "DependencyNotReady", "DependencyNotFound"},
  waiting = "Waiting for the resource",
}
