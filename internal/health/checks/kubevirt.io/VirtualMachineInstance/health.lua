-- KubeVirt: the phase of one run of a machine.
return hawser.phase{
  healthy = {"Running", "Succeeded"}, progressing = {"Pending", "Scheduling", "Scheduled", "WaitingForSync", "Unknown"}, degraded = "Failed",
  path = "status.phase", message = "status.message", waiting = "Waiting for the machine",
}
