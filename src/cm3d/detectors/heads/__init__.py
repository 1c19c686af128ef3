"""What is read off bird's-eye features."""
