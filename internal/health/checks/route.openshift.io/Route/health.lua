-- OpenShift: each router that looks at the route admits it or not.
local routers = hawser.get("status.ingress") or {}
if #routers == 0 then
  return {status = "Progressing", message = "Waiting for a router"}
end
for _, router in ipairs(routers) do
  for _, c in ipairs(router.conditions or {}) do
    if c.type == "Admitted" and c.status == "False" then
      return {status = "Degraded", message = (router.routerName or "a router") .. ": " .. (c.message or c.reason or "not admitted")}
    end
  end
end
return {status = "Healthy"}
