local annotations = hawser.get("metadata.annotations") or {}
local suspended = annotations["cnpg.io/reconciliationLoop"] == "disabled"
local hibernated = annotations["cnpg.io/hibernation"] == "on"
local instances = hawser.get("status.instanceNames")
return {
  restart = {iconClass = "fa fa-fw fa-redo"},
  reload = {iconClass = "fa fa-fw fa-redo"},
  promote = {disabled = type(instances) ~= "table" or #instances < 2, iconClass = "fa fa-fw fa-angle-double-up", params = {{name = "instance", default = "any"}}},
  suspend = {disabled = suspended, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = not suspended, iconClass = "fa fa-fw fa-play"},
  hibernate = {disabled = hibernated, iconClass = "fa fa-fw fa-moon"},
  rehydrate = {disabled = not hibernated, iconClass = "fa fa-fw fa-sun"},
}
