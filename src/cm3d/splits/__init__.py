"""Which part of a data set may be used for what."""
