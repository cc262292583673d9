"""The checks of the exercises: a student's answer in, a sentence out. No network, and nothing of the other rooms needs them.

Used in the exercises of notebooks 1 to 6.
"""
