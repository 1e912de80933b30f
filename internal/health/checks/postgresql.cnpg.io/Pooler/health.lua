-- CloudNativePG: a Pooler counts its instances.
local want, have = hawser.get("spec.instances") or 1, hawser.get("status.instances") or 0
if have < want then
  return {status = "Progressing", message = have .. " of " .. want .. " instances are there"}
end
return {status = "Healthy"}
