local annotations = hawser.get("metadata.annotations") or {}
local paused = annotations["autoscaling.keda.sh/paused"] == "true"
return {
  pause = {disabled = paused, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = not paused, iconClass = "fa fa-fw fa-play"},
}
