local annotations = hawser.get("metadata.annotations") or {}
local paused = annotations["autoscaling.keda.sh/paused"] == "true" or annotations["autoscaling.keda.sh/paused-replicas"] ~= nil
return {
  pause = {disabled = paused, iconClass = "fa fa-fw fa-pause"},
  ["paused-replicas"] = {iconClass = "fa fa-fw fa-pause", displayName = "Pause at Replicas", params = {{name = "replicas", default = annotations["autoscaling.keda.sh/paused-replicas"] or "0"}}},
  resume = {disabled = not paused, iconClass = "fa fa-fw fa-play"},
}
