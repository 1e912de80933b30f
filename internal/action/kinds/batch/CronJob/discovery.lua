local suspended = hawser.get("spec.suspend") == true
return {
  ["create-job"] = {iconClass = "fa fa-fw fa-plus", displayName = "Create Job"},
  suspend = {disabled = suspended, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = not suspended, iconClass = "fa fa-fw fa-play"},
}
