local automated = hawser.get("spec.syncPolicy.automated")
local on = type(automated) == "table" and automated.enabled ~= false
return {
  refresh = {iconClass = "fa fa-fw fa-redo", displayName = "Refresh"},
  ["hard-refresh"] = {iconClass = "fa fa-fw fa-redo", displayName = "Hard Refresh"},
  ["toggle-auto-sync"] = {iconClass = "fa fa-fw fa-sync-alt", displayName = on and "Disable Auto-Sync" or "Enable Auto-Sync"},
}
