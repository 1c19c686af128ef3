"""Shelf models against their libraries' plain loops."""
