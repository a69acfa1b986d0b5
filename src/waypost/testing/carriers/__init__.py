"""Strict fakes of carriers: real HTTP servers that check what a carrier checks and answer as it answers.

They are written from what is known of each API and share nothing with the adapters in `waypost.carriers`, so that an
adapter which is wrong is told so here and not by the carrier. What a fake cannot know it refuses loudly.
"""

from waypost.testing.carriers.faking import Fake, FakeParcel, FakeScan, Trap

__all__ = ["Fake", "FakeParcel", "FakeScan", "Trap"]
