"""From sound to spectrogram image, and from image to batch; also pitch, and voices with another pitch.

Taught in notebook 2.
"""
