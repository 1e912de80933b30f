-- Argo Rollouts tells in the status how far it is: another pod hash than the stable one is on its way.
local paused = hawser.get("spec.paused") == true
local waits = hawser.get("status.pauseConditions")
waits = type(waits) == "table" and #waits > 0
local aborted = hawser.get("status.abort") == true
local underway = hawser.get("status.currentPodHash") ~= hawser.get("status.stableRS")
local steps = hawser.get("spec.strategy.canary.steps")
local step = tonumber(hawser.get("status.currentStepIndex") or 0)
local more = underway and not aborted and type(steps) == "table" and step ~= nil and step < #steps
return {
  restart = {iconClass = "fa fa-fw fa-redo"},
  pause = {disabled = paused, iconClass = "fa fa-fw fa-pause"},
  resume = {disabled = aborted or not (paused or waits), iconClass = "fa fa-fw fa-play"},
  retry = {disabled = not aborted, iconClass = "fa fa-fw fa-history"},
  abort = {disabled = aborted or not underway, iconClass = "fa fa-fw fa-stop"},
  ["promote-full"] = {disabled = aborted or not underway, iconClass = "fa fa-fw fa-forward", displayName = "Promote Full"},
  ["skip-current-step"] = {disabled = not more, iconClass = "fa fa-fw fa-step-forward", displayName = "Skip Current Step"},
}
