"""Exercises: what a student writes, its checks, hints and quizzes."""
