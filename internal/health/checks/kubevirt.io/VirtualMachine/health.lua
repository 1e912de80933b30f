-- KubeVirt: printableStatus is the verdict. A machine that was stopped or paused on purpose is Suspended.
return hawser.phase{
  path = "status.printableStatus", waiting = "Waiting for the machine",
  healthy = "Running", suspended = {"Stopped", "Paused"},
  progressing = {"Provisioning", "Starting", "Stopping", "Terminating", "Migrating", "WaitingForVolumeBinding", "Unknown"},
  degraded = {"CrashLoopBackOff", "ErrorUnschedulable", "ErrImagePull", "ImagePullBackOff", "ErrorPvcNotFound", "DataVolumeError"},
}
