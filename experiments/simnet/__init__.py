"""Training of the embedded data set's own networks (`cm3d.simnet`), and what they are worth."""
