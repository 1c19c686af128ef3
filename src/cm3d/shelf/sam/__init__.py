"""Models that outline what a prompt points at: Segment Anything and its relatives."""
