-- RabbitMQ topology operator: Ready says whether the last attempt to declare it worked.
return hawser.conditions{ready = "Ready", waiting = "Waiting to be declared"}
