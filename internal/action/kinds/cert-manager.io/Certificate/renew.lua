-- What cmctl renew does: the condition Issuing asks the controller for a new certificate.
local conditions = {}
for _, condition in ipairs(hawser.get("status.conditions") or {}) do
  if condition.type ~= "Issuing" then
    table.insert(conditions, condition)
  end
end
table.insert(conditions, {
  type = "Issuing", status = "True", reason = "ManuallyTriggered", message = "a new certificate was asked for through an action",
  lastTransitionTime = hawser.now(), observedGeneration = hawser.get("metadata.generation"),
})
return hawser.set(obj, "status.conditions", conditions)
