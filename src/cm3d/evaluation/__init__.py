"""How good boxes and masks are: scorers, one package each, found by name (`protocol`)."""
