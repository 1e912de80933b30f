local suspended = hawser.get("spec.suspend") == true
return {
  ["create-workflow"] = {iconClass = "fa fa-fw fa-plus", displayName = "Create Workflow"},
  suspend = {disabled = suspended, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = not suspended, iconClass = "fa fa-fw fa-play"},
}
