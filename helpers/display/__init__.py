"""Figures and widgets: tables and images in, never a network.

Used in every notebook, most in notebooks 4 and 6.
"""
