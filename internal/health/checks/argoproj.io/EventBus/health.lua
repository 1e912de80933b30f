-- Argo Events: every step has its own condition; all must be True.
return hawser.conditions{ready = {"Configured", "Deployed"}, waiting = "Waiting for the event bus to be deployed"}
