-- ApplicationSet: ErrorOccurred is final for this state of the sources; ResourcesUpToDate is the verdict. A progressive
-- rollout is told by RolloutProgressing.
return hawser.conditions{
  failed = "ErrorOccurred", busy = "RolloutProgressing", ready = "ResourcesUpToDate",
  waiting = "Waiting for the applications to be generated",
}
