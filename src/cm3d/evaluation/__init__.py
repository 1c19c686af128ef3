"""How good boxes and masks are."""
