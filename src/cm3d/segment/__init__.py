"""Masks from boxes, by one small adapter per mask model."""
