"""The course around the library: lessons, exercises, checks, quizzes."""
