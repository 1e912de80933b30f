return hawser.annotate(obj, "hawser.dev/asleep", nil)
