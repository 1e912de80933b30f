-- What kubectl rollout restart does: another annotation in the template makes other pods.
local annotations = hawser.get("spec.template.metadata.annotations") or {}
annotations["kubectl.kubernetes.io/restartedAt"] = hawser.now()
return hawser.set(obj, "spec.template.metadata.annotations", annotations)
