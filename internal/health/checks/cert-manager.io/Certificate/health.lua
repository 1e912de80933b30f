-- cert-manager: Ready says whether the Secret holds a valid certificate, Issuing whether one is being fetched.
-- The first certificate fails as Issuing=False with the cause; Ready then only says that there is no Secret.
local issuing, ready = hawser.condition("Issuing"), hawser.condition("Ready")
local failed = issuing ~= nil and issuing.status == "False" and issuing.reason == "Failed"
if failed and hawser.observed() and ready ~= nil and ready.status == "False" then
  return {status = "Degraded", message = issuing.message}
end
return hawser.conditions{ready = "Ready", busy = "Issuing", waiting = "Waiting for the certificate to be issued"}
