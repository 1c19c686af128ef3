"""From sensor files to arrays."""
