-- Knative: Ready is Unknown while something is on its way, and False when it cannot get there.
return hawser.conditions{ready = "Ready", waiting = "Waiting for the revision to be reconciled"}
