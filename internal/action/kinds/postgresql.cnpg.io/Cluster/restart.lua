return hawser.annotate(obj, "kubectl.kubernetes.io/restartedAt", hawser.now())
