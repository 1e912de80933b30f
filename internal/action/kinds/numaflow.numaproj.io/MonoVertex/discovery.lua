local paused = hawser.get("spec.lifecycle.desiredPhase") == "Paused"
return {
  pause = {disabled = paused, iconClass = "fa fa-fw fa-pause"},
  unpause = {disabled = not paused, iconClass = "fa fa-fw fa-play"},
}
