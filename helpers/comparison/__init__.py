"""Models beside each other: baselines, the race, other conditions and corpora, and the model card.

Taught in notebook 5.
"""
