"""From lessons to notebooks, slides and releases."""
