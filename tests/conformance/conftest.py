"""Runs each test of this folder once for each engine. A gap is declared on the test that shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.engines import ENGINES, Engine, Opened

from waypost.store.protocols import Memory


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gap(engine, raises): the engine lacks this, and says so with that error")
    config.addinivalue_line("markers", "always: also in the plain run for an engine that opens slowly")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        engine = getattr(item, "callspec", None) and item.callspec.params.get("engine")
        if isinstance(engine, Engine) and engine.opens_slowly and item.get_closest_marker("always") is None:
            item.add_marker(pytest.mark.heavy)
        for gap in item.iter_markers("gap") if isinstance(engine, Engine) else ():
            if gap.args[0] == engine.name:
                item.add_marker(pytest.mark.xfail(raises=gap.kwargs["raises"], strict=True))


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


@pytest.fixture
def opened(engine: Engine, tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(engine, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def memory(opened: Opened) -> Memory:
    return opened.memory
