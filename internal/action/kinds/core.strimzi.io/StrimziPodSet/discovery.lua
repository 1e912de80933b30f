local annotations = hawser.get("metadata.annotations") or {}
return {
  ["rolling-update"] = {disabled = annotations["strimzi.io/manual-rolling-update"] == "true", iconClass = "fa fa-fw fa-redo", displayName = "Rolling Update"},
}
