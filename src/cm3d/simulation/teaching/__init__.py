"""Training of the embedded data set's own networks, and what they are worth."""
