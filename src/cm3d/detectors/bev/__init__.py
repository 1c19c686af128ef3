"""Networks that see the plane from above."""
