"""Our CenterPoint against mmdet3d's, each in a process of its own."""
