"""resode_course: what the chapters and problem sets use beside the mathematics of `resode_lib`.

Figures (`plotting`, `widgets`, `drawing`), claims, checks of exercises and of problem sets, and the
records of what is too slow for every build.
"""
