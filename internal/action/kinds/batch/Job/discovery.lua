local suspended = hawser.get("spec.suspend") == true
local over = false
for _, kind in pairs({"Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"}) do
  local condition = hawser.condition(kind)
  over = over or condition ~= nil and condition.status == "True"
end
-- A suspended job runs nothing, and cannot end: Kubernetes wants a time at which a finished job began.
return {
  suspend = {disabled = suspended or over, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = over or not suspended, iconClass = "fa fa-fw fa-play"},
  terminate = {disabled = over or suspended, iconClass = "fa fa-fw fa-stop"},
}
