local paused = hawser.get("spec.paused") == true
return {
  restart = {iconClass = "fa fa-fw fa-redo"},
  pause = {disabled = paused, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = not paused, iconClass = "fa fa-fw fa-play"},
  scale = {iconClass = "fa fa-fw fa-expand", params = {{name = "replicas", default = tostring(hawser.get("spec.replicas") or 1)}}},
}
