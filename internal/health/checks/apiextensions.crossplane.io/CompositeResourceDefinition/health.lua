-- Crossplane: Established says whether the composite kind is served, Offered whether the claim is (if there is one).
local ready = {"Established"}
if hawser.get("spec.claimNames") ~= nil then
  ready = {"Established", "Offered"}
end
return hawser.conditions{ready = ready, patient = true, waiting = "Waiting for the kind to be established"}
