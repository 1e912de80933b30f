-- Crossplane packages: Installed says whether the package could be fetched, Healthy whether what it brought works.
-- With revisionActivationPolicy Manual a person has to activate each revision.
local installed = hawser.condition("Installed")
if installed ~= nil and installed.status == "False" and installed.reason == "InactivePackageRevision" then
  return {status = "Suspended", message = installed.message or "The package revision is not active"}
end
return hawser.conditions{
  ready = {"Installed", "Healthy"}, waits = {"UnpackingPackage", "ActivatingPackageRevision"},
  waiting = "Waiting for the package to be installed",
}
