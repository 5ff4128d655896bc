"""Whether HEIC pictures are read: the optional extra ``heic``."""

from __future__ import annotations

try:
    from pillow_heif import register_heif_opener
except ImportError:
    HEIF_IS_READ = False
else:
    register_heif_opener()
    HEIF_IS_READ = True
