-- The operator hands this annotation on to the ExternalSecrets that it made (its FAQ).
return hawser.annotate(obj, "external-secrets.io/force-sync", tostring(os.time()))
