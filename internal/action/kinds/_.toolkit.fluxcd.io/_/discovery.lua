-- Every kind of Flux but those with a folder of their own.
local suspended = hawser.get("spec.suspend") == true
return {
  reconcile = {disabled = suspended, iconClass = "fa fa-fw fa-redo"},
  suspend = {disabled = suspended, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = not suspended, iconClass = "fa fa-fw fa-play"},
}
