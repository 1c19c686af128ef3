"""Low-poly meshes of everything in the world, a file per family."""
