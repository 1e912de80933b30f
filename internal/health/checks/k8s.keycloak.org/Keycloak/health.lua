-- Keycloak operator: HasErrors counts before Ready, which is also False during a rolling update.
return hawser.conditions{ready = "Ready", failed = "HasErrors", busy = "RollingUpdate", patient = true, waiting = "Waiting for Keycloak"}
