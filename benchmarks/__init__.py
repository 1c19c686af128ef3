"""Speed and memory, each against a named peer."""
