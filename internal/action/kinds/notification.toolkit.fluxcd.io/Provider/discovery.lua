-- Nothing reconciles it: it is read when there is something to tell.
local suspended = hawser.get("spec.suspend") == true
return {
  suspend = {disabled = suspended, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = not suspended, iconClass = "fa fa-fw fa-play"},
}
