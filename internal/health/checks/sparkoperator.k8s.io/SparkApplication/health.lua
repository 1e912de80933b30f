-- Spark operator: the state of the last run; a streaming job is RUNNING for ever, so that is Healthy.
return hawser.phase{
  path = "status.applicationState.state", message = "status.applicationState.errorMessage", waiting = "Waiting to be submitted",
  healthy = {"RUNNING", "SUCCEEDING", "COMPLETED"}, progressing = {"SUBMITTED", "PENDING_RERUN", "INVALIDATING", "UNKNOWN"},
  suspended = {"SUSPENDED", "SUSPENDING"}, degraded = {"FAILED", "FAILING", "SUBMISSION_FAILED"},
}
