return hawser.annotate(obj, "autoscaling.keda.sh/paused", "true")
