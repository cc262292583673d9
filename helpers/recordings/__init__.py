"""From a folder of sound files to a manifest: where recordings come from, who speaks, what is wrong with a clip, and the split.

Taught in notebook 1.
"""
