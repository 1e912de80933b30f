-- The operator takes the annotation off when it has begun.
return hawser.annotate(obj, "strimzi.io/manual-rolling-update", "true")
