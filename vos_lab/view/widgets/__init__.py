"""Widgets: what can be turned, clicked and played, under the name of the lesson it is made for."""
