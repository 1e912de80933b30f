-- Sealed Secrets: Synced says whether it could be unsealed. Controllers started with --update-status=false say nothing.
return hawser.conditions{ready = "Synced", waiting = "Waiting to be unsealed"}
