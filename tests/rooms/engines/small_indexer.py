"""The indexer, for which few scans are many, and which is not patient. It has to run under a name of its own."""

from tests.rooms.engines.homes import SMALL_RUNS

from waypost.engines.local import changes, follow, indexer

_SMALL = (
    *SMALL_RUNS,
    (changes, "FILE_BYTES", 900),
    (follow, "_FIRST_PATIENCE_S", 0.01),
    (follow, "_LAST_PATIENCE_S", 0.05),
    (follow, "_TRIM_S", 0.05),
)


def main() -> None:
    for module, name, value in _SMALL:
        setattr(module, name, value)
    indexer.main()


if __name__ == "__main__":
    main()
