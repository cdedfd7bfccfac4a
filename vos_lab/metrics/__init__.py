"""Metrics that agree with the official evaluators."""
