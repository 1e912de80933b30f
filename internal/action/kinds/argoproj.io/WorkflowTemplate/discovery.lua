return {
  ["create-workflow"] = {iconClass = "fa fa-fw fa-plus", displayName = "Create Workflow"},
}
