-- External Secrets: Ready says whether a PushSecret was made in every namespace that is selected.
return hawser.conditions{ready = "Ready", waiting = "Waiting for the secrets to be pushed"}
