-- Argo Events: every step has its own condition; all must be True.
return hawser.conditions{ready = {"SourcesProvided", "Deployed"}, waiting = "Waiting for the event source to be deployed"}
