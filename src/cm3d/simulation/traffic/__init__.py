"""Objects that stand, park, walk and drive in a town."""
