-- Gateway API: a class is Accepted by its controller. Pending (the CRD's default) is status Unknown.
return hawser.conditions{ready = "Accepted", waiting = "Waiting for a controller"}
