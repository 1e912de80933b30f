local issuing = hawser.condition("Issuing")
return {
  renew = {disabled = issuing ~= nil and issuing.status == "True", iconClass = "fa fa-fw fa-redo"},
}
