"""From sensor files to arrays: the one reader and the one accumulation of LiDAR, and images."""
