return hawser.annotate(obj, "argocd.argoproj.io/application-set-refresh", "true")
