"""What all backends share: what they are to this project, and how a scene passes through them."""
