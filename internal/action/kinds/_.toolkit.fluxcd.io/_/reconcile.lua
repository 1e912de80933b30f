-- Flux looks at an object again when this annotation changes.
return hawser.annotate(obj, "reconcile.fluxcd.io/requestedAt", hawser.now())
