-- Keycloak operator: an import runs once.
return hawser.conditions{ready = "Done", failed = "HasErrors", patient = true, waiting = "Waiting for the import"}
