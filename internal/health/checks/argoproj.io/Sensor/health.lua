-- Argo Events: every step has its own condition; all must be True.
return hawser.conditions{ready = {"DependenciesProvided", "TriggersProvided", "Deployed"}, waiting = "Waiting for the sensor to be deployed"}
