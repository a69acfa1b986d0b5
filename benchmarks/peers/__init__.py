"""Other machines that keep scans on disk, drop duplicates, and know timeline and state: one a file."""

from benchmarks.peers.peer import PEERS, LeftOut, Peer, open_peer

__all__ = ["PEERS", "LeftOut", "Peer", "open_peer"]
