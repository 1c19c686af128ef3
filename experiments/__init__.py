"""Presets of parameters, and the paper's tables as experiments to run."""
