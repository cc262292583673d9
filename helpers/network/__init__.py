"""Networks, their training, and what is kept of a run.

Taught in notebook 3.
"""
