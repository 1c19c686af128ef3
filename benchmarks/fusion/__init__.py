"""BEVFusion: its view transform beside a peer, and its models by their sensors."""
