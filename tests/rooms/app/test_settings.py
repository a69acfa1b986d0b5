from pathlib import Path

import pytest

from waypost.app.settings import read_settings
from waypost.app.wiring import retention_of
from waypost.model.errors import SettingsError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def write(home: Path, text: str) -> None:
    (home / "waypost.toml").write_text(text, "utf-8")


def test_flags_stand_over_environment_over_file_over_defaults(home: Path) -> None:
    assert read_settings({}, home=home).serve.port == 8400
    write(home, "[serve]\nport = 1111\nhost = '::1'\n")
    assert read_settings({}, home=home).serve.port == 1111
    environ = {"WAYPOST_SERVE_PORT": "2222", "WAYPOST_HOME": str(home)}
    assert read_settings(environ).serve.port == 2222
    flagged = read_settings(environ, serve__port=3333, serve__host=None)
    assert (flagged.serve.port, flagged.serve.host, flagged.home) == (3333, "::1", home)


def test_limits_lists_and_carriers(home: Path) -> None:
    write(home, "[carriers.village]\nzone = 'Asia/Kolkata'\n[track]\ntables = '~/tables'\n")
    environ = {"WAYPOST_LIMITS_BATCH_ROWS": "10", "WAYPOST_SITE_TRUSTED_PROXIES": "10.0.0.1, 10.1.0.0/16"}
    settings = read_settings(environ, home=home)
    assert settings.limits.batch_rows == 10
    assert settings.site.trusted_proxies == ("10.0.0.1", "10.1.0.0/16")
    assert settings.carriers["village"].zone == "Asia/Kolkata"
    assert settings.track.tables == Path("~/tables").expanduser()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[serve]\nport = 99999\n", r"<= 65535.*\$\.serve\.port"),
        ("[serve]\nprot = 1\n", "unknown field `prot`"),
        ("[limits]\nbatch_row = 1\n", "unknown field `batch_row`"),
        ("[site]\nnames = 'x'\n", "unknown field `names`"),
        ("[limits]\nbody_s = nan\n", r"\$\.limits\.body_s"),
        ("[limits]\nrequest_s = inf\n", r"\$\.limits\.request_s"),
        ("[limits]\nstream_s = '-inf'\n", r"\$\.limits\.stream_s"),
        ("[limits]\nbatch_rows = 0\n", r"\$\.limits\.batch_rows"),
        ("[track]\noverview_age_s = nan\n", r"\$\.track\.overview_age_s"),
        ("[track]\noverview_age_s = inf\n", r"\$\.track\.overview_age_s"),
        ("[serving]\nport = 1\n", "unknown field `serving`"),
        ("[store]\nlog_days = -1\n", r"\$\.store\.log_days"),
        ("[store]\nlog_days = 1e9\n", r"\$\.store\.log_days"),
        ("[store]\nlog_gb = nan\n", r"\$\.store\.log_gb"),
        ("[store]\nlog_gb = inf\n", r"\$\.store\.log_gb"),
        ("[store]\narchive = 3\n", r"\$\.store\.archive"),
        ("[store]\narchive = 'older'\n", r"store\.archive 'older' is no whole path"),
        ("[store]\narchive = ''\n", r"store\.archive '\.' is no whole path"),
        ("[serve]\nport = 'many'\n", r"\$\.serve\.port"),
        ("serve = [", "waypost.toml"),
        ("home = '/elsewhere'\n", "cannot name itself"),
        ("[carriers.Village]\n", "no carrier code"),
        ("[carriers.village]\nzone = 'Mars/Phobos'\n", "Mars/Phobos"),
    ],
)
def test_what_a_file_has_wrong_is_told(home: Path, text: str, says: str) -> None:
    write(home, text)
    with pytest.raises(SettingsError, match=says):
        read_settings({}, home=home)


def test_a_file_that_is_not_utf8_and_one_that_is_missing(home: Path) -> None:
    (home / "waypost.toml").write_bytes(b"[serve]\nhost = '\xff'\n")
    with pytest.raises(SettingsError, match=r"waypost\.toml"):
        read_settings({}, home=home)
    with pytest.raises(SettingsError, match="no such file, though WAYPOST_CONFIG"):
        read_settings({"WAYPOST_CONFIG": str(home / "other.toml")}, home=home)


@pytest.mark.parametrize("variable", ["WAYPOST_PORT", "WAYPOST_SERVE", "WAYPOST_SERVE_", "WAYPOST_NONSENSE_PORT"])
def test_a_variable_that_names_no_setting_is_refused(home: Path, variable: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        read_settings({variable: "1"}, home=home)
    with pytest.raises(SettingsError, match="unknown field `prot`"):
        read_settings({"WAYPOST_SERVE_PROT": "1"}, home=home)


def test_other_variables_are_left_alone(home: Path) -> None:
    environ = {
        "WAYPOST_TEST_DATA": "/data",
        "WAYPOST_URL": "x",
        "WAYPOST_KEY": "y",
        "PATH": "/bin",
        "XDG_DATA_HOME": str(home),
    }
    assert read_settings(environ).home == home / "waypost"


def test_a_user_that_is_none() -> None:
    with pytest.raises(SettingsError, match="no such user"):
        read_settings({}, home=Path("~nobody-of-that-name/waypost"))


def test_a_burst_that_no_full_look_up_fits_in(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"limits\.numbers_burst is less than limits\.numbers_at_once"):
        read_settings({"WAYPOST_LIMITS_NUMBERS_BURST": "5"}, home=tmp_path)


def test_the_log_is_kept_for_ever_unless_it_is_said_otherwise(home: Path) -> None:
    keep = retention_of(read_settings({}, home=home))
    assert (keep.asks, keep.seconds, keep.bytes, keep.archive) == (False, None, None, None)
    write(home, "[store]\nlog_days = 30\nlog_gb = 2.5\narchive = '~/older'\n")
    keep = retention_of(read_settings({}, home=home))
    assert (keep.asks, keep.seconds, keep.bytes) == (True, 30 * 86_400, 2_500_000_000)
    assert keep.archive == Path("~/older").expanduser()
    keep = retention_of(read_settings({"WAYPOST_STORE_LOG_GB": "0", "WAYPOST_STORE_LOG_DAYS": "0.5"}, home=home))
    assert (keep.asks, keep.seconds, keep.bytes) == (True, 43_200, None)
