"""From submissions to points and reports."""
