return hawser.annotate(obj, "argocd.argoproj.io/refresh", "normal")
