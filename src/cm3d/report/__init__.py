"""What became of boxes and objects: matched, counted by kind of failure, ranked, put on a page."""
