-- External Secrets: Ready says whether the secret was written to all stores.
return hawser.conditions{ready = "Ready", waiting = "Waiting for the secret to be pushed"}
