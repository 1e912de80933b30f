-- OLM: a plan may wait for approval.
return hawser.phase{
  healthy = "Complete", progressing = {"Planning", "Installing", "None"}, degraded = "Failed", suspended = "RequiresApproval",
  path = "status.phase", message = "status.message", waiting = "Waiting to be planned",
}
