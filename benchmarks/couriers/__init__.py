"""The parts of what `carriers` measures: answers and pushes as carriers write them, karrio beside, pushes over HTTP."""
