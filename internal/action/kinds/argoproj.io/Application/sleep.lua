-- Its workloads are kept at nothing for as long as the annotation is there: docs/previews.md.
return hawser.annotate(obj, "hawser.dev/asleep", hawser.now())
