return hawser.annotate(obj, "cnpg.io/reloadedAt", hawser.now())
