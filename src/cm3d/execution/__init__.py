"""Running stages: over scenes, in processes, with progress, whole or not at all."""
