"""From camera images to a bird's-eye map."""
