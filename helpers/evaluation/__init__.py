"""Scores, intervals and calibration, from tables alone: no room below it, and nothing in it, imports TensorFlow.

Taught in notebook 4.
"""
