"""Rigid transforms, cameras, boxes and their overlap; numpy in, numpy out."""
