return {
  restart = {iconClass = "fa fa-fw fa-redo"},
  scale = {iconClass = "fa fa-fw fa-expand", params = {{name = "replicas", default = tostring(hawser.get("spec.replicas") or 1)}}},
}
