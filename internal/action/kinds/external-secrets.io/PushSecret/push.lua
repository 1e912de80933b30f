-- The operator pushes again when an annotation changes.
return hawser.annotate(obj, "force-sync", tostring(os.time()))
