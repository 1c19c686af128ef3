"""What was recorded, as nuScenes' tables and maps."""
