"""The centre head (CenterPoint): maps, what they should be, losses, and boxes read off them."""
