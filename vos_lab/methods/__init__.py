"""The methods of the lecture, each behind the Segmenter interface."""
