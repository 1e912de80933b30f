local phase = hawser.get("status.phase")
local over = phase == "Successful" or phase == "Failed" or phase == "Error" or phase == "Inconclusive"
return {
  terminate = {disabled = over or hawser.get("spec.terminate") == true, iconClass = "fa fa-fw fa-stop"},
}
