"""The claims of the lecture, as experiments."""
