-- cert-manager: an ClusterIssuer is Ready once its account or its key pair works.
return hawser.conditions{ready = "Ready", waiting = "Waiting for the issuer to be initialised"}
