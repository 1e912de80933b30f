-- External Secrets: Ready says whether the provider accepted the store's configuration and credentials.
return hawser.conditions{ready = "Ready", waiting = "Waiting for the store to be validated"}
