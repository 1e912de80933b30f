-- The operator takes the annotation off when it has restarted the connector.
return hawser.annotate(obj, "strimzi.io/restart", "true")
