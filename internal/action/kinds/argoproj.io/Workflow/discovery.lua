local phase = hawser.get("status.phase")
local over = phase == "Succeeded" or phase == "Failed" or phase == "Error"
local suspended = hawser.get("spec.suspend") == true
return {
  suspend = {disabled = over or suspended, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = over or not suspended, iconClass = "fa fa-fw fa-play"},
  stop = {disabled = over or hawser.get("spec.shutdown") ~= nil, iconClass = "fa fa-fw fa-stop-circle"},
  terminate = {disabled = over or hawser.get("spec.shutdown") == "Terminate", iconClass = "fa fa-fw fa-times-circle"},
}
