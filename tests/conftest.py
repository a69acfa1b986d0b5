"""What every test may rely on: the real data, which run this is, and that in CI nothing is skipped."""

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

REPO = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI") == "true"

#: Folders and files that take longest, which begin first: no core then ends with a long one while the others are idle.
LONG = (
    "journeys",
    "browser",
    "architecture",
    "rooms/app",
    "rooms/forecast",
    "rooms/engines",
    "rooms/twin",
    "conformance",
)

# Speed is measured in benchmarks/: here a busy machine must not fail a law.
settings.register_profile("heavy", deadline=None, derandomize=IN_CI)
settings.register_profile("plain", settings.get_profile("heavy"), max_examples=15)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--heavy", action="store_true", help="run the tests marked heavy too")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("heavy" if config.getoption("--heavy") else "plain")
    if not config.getoption("--heavy") and not config.option.markexpr:
        config.option.markexpr = "not heavy"
    # The settings of whoever runs the tests are not the tests' settings.
    for name in [name for name in os.environ if name.startswith("WAYPOST_") and name != "WAYPOST_TEST_DATA"]:
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    begins = [REPO / "tests" / each for each in LONG]

    def turn(item: pytest.Item) -> int:
        return next((place for place, begin in enumerate(begins) if item.path.is_relative_to(begin)), len(begins))

    items.sort(key=turn)  # stable: those of a file stay together, in their order


def pytest_collection_finish() -> None:
    """Let the collector pass over what all share, and come less often: it took a third of the time of many tests."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 5)


def skip_is_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI everything that a test needs is there, so a skip is a hole in the set-up. A declared gap is an xfail."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: not allowed in CI: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    skip_is_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    skip_is_failure(report)
    return report


@pytest.fixture(scope="session")
def heavy(pytestconfig: pytest.Config) -> bool:
    """Whether this is the heavy run, for a test that does the same thing fewer times in the plain one."""
    return bool(pytestconfig.getoption("--heavy"))


@pytest.fixture(scope="session")
def repo_folder() -> Path:
    return REPO


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the real data sets, each in a folder of its own; it is not part of the project."""
    folder = Path(os.environ.get("WAYPOST_TEST_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set WAYPOST_TEST_DATA to its folder")
    return folder
