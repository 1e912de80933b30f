-- An absent block is off, a present one is on unless it says that it is not. What else it says stays.
local automated = hawser.get("spec.syncPolicy.automated")
local on = automated ~= nil and automated.enabled ~= false
return hawser.set(obj, "spec.syncPolicy.automated.enabled", not on)
