-- The operator reads the store again when an annotation changes (its FAQ).
return hawser.annotate(obj, "force-sync", tostring(os.time()))
