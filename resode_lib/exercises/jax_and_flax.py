"""Checks for the exercises on JAX and Flax."""

CHECKS = {}
