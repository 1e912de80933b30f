-- Its Deployment would scale it back.
local owned = false
local owners = hawser.get("metadata.ownerReferences")
if type(owners) == "table" then
  for _, owner in pairs(owners) do
    owned = owned or type(owner) == "table" and owner.controller == true
  end
end
return {
  scale = {disabled = owned, iconClass = "fa fa-fw fa-expand", params = {{name = "replicas", default = tostring(hawser.get("spec.replicas") or 1)}}},
}
