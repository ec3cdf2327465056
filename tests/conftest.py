"""What all tests share: examples that hypothesis draws have no deadline, since other processes use the machine too."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("prebill", deadline=None)
settings.load_profile("prebill")
