return hawser.annotate(obj, "cnpg.io/reconciliationLoop", "disabled")
