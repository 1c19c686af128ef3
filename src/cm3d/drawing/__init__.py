"""Keyframes as pictures, in memory: seen from above, and through their cameras."""
