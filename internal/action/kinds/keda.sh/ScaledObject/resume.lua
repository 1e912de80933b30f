hawser.annotate(obj, "autoscaling.keda.sh/paused-replicas", nil)
return hawser.annotate(obj, "autoscaling.keda.sh/paused", nil)
