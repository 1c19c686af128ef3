"""2D detection: from images to labelled boxes, by one small adapter per detector."""
