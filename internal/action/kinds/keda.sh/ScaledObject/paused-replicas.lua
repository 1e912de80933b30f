return hawser.annotate(obj, "autoscaling.keda.sh/paused-replicas", tostring(hawser.count("replicas")))
