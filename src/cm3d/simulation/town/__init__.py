"""Procedural towns: roads, lanes, ground and what stands beside them."""
