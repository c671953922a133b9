"""Measurements of speed and memory, side by side with the peers; see README.md."""
