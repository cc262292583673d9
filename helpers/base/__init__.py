"""What every room stands on: settings, files on disk, the archive for Drive, and the machine.

No notebook of its own: each opens with it, through `helpers.session`.
"""
