"""One module of checks for each lesson."""
