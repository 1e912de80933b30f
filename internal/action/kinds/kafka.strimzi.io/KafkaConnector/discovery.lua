local annotations = hawser.get("metadata.annotations") or {}
return {
  restart = {disabled = annotations["strimzi.io/restart"] == "true", iconClass = "fa fa-fw fa-redo"},
}
