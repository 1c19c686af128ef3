"""Relabels: what a model sees made better labels than those that there were."""
