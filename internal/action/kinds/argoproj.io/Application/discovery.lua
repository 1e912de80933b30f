local automated = hawser.get("spec.syncPolicy.automated")
local on = type(automated) == "table" and automated.enabled ~= false
local since = (hawser.get("metadata.annotations") or {})["hawser.dev/asleep"]
local asleep = since ~= nil and since ~= "" and since ~= "false"
return {
  refresh = {iconClass = "fa fa-fw fa-redo", displayName = "Refresh"},
  ["hard-refresh"] = {iconClass = "fa fa-fw fa-redo", displayName = "Hard Refresh"},
  ["toggle-auto-sync"] = {iconClass = "fa fa-fw fa-sync-alt", displayName = on and "Disable Auto-Sync" or "Enable Auto-Sync"},
  -- ours; it takes an automated sync to fall asleep
  sleep = {iconClass = "fa fa-fw fa-moon", displayName = "Sleep", disabled = asleep or not on},
  wake = {iconClass = "fa fa-fw fa-sun", displayName = "Wake", disabled = not asleep},
}
