return hawser.annotate(obj, "cnpg.io/hibernation", "on")
