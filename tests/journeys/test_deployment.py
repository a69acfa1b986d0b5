"""What the repository hands to those who put it on a network holds: proxies, the unit, the container file."""

import datetime as dt
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.journeys.conftest import Server
from tests.journeys.shop import draft
from tests.journeys.test_merchants import make_merchant, write_settings

from waypost.client import Unreachable, Waypost
from waypost.client.problems import TooMuch
from waypost.testing.carriers.fakes import FAKES

HOST = "waypost.example"
SITE = f"""
[site]
trusted_proxies = ["127.0.0.1"]
allowed_hosts = ["{HOST}", "localhost", "127.0.0.1"]
"""


def find_program(repo: Path, name: str) -> str:
    """Of this machine, or unpacked by scripts/setup."""
    unpacked = repo / ".venv" / "debian"
    folders = [os.environ["PATH"], "/usr/sbin", *(str(unpacked / each) for each in ("usr/sbin", "usr/bin"))]
    found = shutil.which(name, path=":".join(folders))
    if found is None:
        pytest.skip(f"no {name} here: ./scripts/test unpacks Debian's where it may, else install it")
    return found


@pytest.fixture(scope="module")
def deploy(repo_folder: Path) -> Path:
    return repo_folder / "examples" / "deploy"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """For localhost and the host of the examples, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, private


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Proxy:
    """A proxy that runs: where it is by TLS and without."""

    def __init__(self, port: int, plain: int, chain: Path) -> None:
        self.port, self.plain = port, plain
        self.url = f"https://localhost:{port}"
        self.tls = ssl.create_default_context(cafile=str(chain))

    def open(self, key: str = "", **options: Any) -> Waypost:
        return Waypost(self.url, key, tls=self.tls, **options)

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + 30
        while True:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert process.poll() is None, "the proxy ended"
            assert time.monotonic() < until
            time.sleep(0.02)


def run_nginx(repo: Path, folder: Path, upstream: str, certificate: tuple[Path, Path]) -> Iterator[Proxy]:
    program = find_program(repo, "nginx")
    proxy = Proxy(free_port(), free_port(), certificate[0])
    site = (repo / "examples/deploy/nginx.conf").read_text("utf-8")
    for old, new in (
        ("127.0.0.1:8400", upstream),
        ("listen 80;", f"listen 127.0.0.1:{proxy.plain};"),
        ("listen [::]:80;", ""),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{proxy.port} ssl http2;"),
        ("listen [::]:443 ssl http2;", ""),
        ("/etc/ssl/waypost/fullchain.pem", str(certificate[0])),
        ("/etc/ssl/waypost/privkey.pem", str(certificate[1])),
        ("/var/log/nginx/waypost.log", str(folder / "access.log")),
        (f"server_name {HOST};", f"server_name {HOST} localhost;"),
    ):
        assert old in site, old
        site = site.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid;\nerror_log {folder}/error.log;\ndaemon off;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}\n}}\n"  # its usual one is only where it is installed
    )
    command = [program, "-c", folder / "nginx.conf", "-e", folder / "error.log"]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
    yield from run_proxy(command, proxy)


def run_caddy(repo: Path, folder: Path, upstream: str, certificate: tuple[Path, Path]) -> Iterator[Proxy]:
    program = find_program(repo, "caddy")
    proxy = Proxy(free_port(), 0, certificate[0])
    site = (repo / "examples/deploy/Caddyfile").read_text("utf-8")
    address = f"https://localhost:{proxy.port} {{\n\tbind 127.0.0.1\n\ttls {certificate[0]} {certificate[1]}"
    for old, new in (("127.0.0.1:8400", upstream), (f"\n{HOST} {{", f"\n{address}")):
        assert old in site, old
        site = site.replace(old, new)
    path = folder / "Caddyfile"
    path.write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}")
    environ = os.environ | {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    tested = subprocess.run(
        [program, "validate", "--config", path, "--adapter", "caddyfile"], env=environ, capture_output=True, timeout=60
    )
    assert tested.returncode == 0, tested.stderr
    yield from run_proxy([program, "run", "--config", path, "--adapter", "caddyfile"], proxy, environ)


def run_proxy(command: list[Any], proxy: Proxy, environ: dict[str, str] | None = None) -> Iterator[Proxy]:
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            proxy.wait(process)
            yield proxy
        finally:
            process.terminate()


@pytest.fixture(
    params=[pytest.param(run_nginx, id="nginx"), pytest.param(run_caddy, id="caddy", marks=pytest.mark.heavy)]
)
def run(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_merchant_ships_and_an_operator_signs_in_through_a_proxy(
    run: Any,
    repo_folder: Path,
    tmp_path: Path,
    start_server: Callable[..., Server],
    certificate: tuple[Path, Path],
) -> None:
    home = tmp_path / "home"
    with FAKES["yto"].kind() as fake:
        write_settings(home, fake)
        with (home / "waypost.toml").open("a") as settings:
            settings.write(SITE + "[limits]\nnumbers_per_min = 30\nnumbers_burst = 30\n")
        key = make_merchant(home, "Estrela")["authorization"].removeprefix("Bearer ")
        server = start_server(home)
        folder = tmp_path / "proxy"
        folder.mkdir()
        opened = run(repo_folder, folder, server.address.removeprefix("http://"), certificate)
        proxy: Proxy = next(opened)
        with proxy.open(key) as shop:
            [entry] = shop.orders.enter([draft(fake, "SALE-1")]).entries
            assert shop.orders.confirm(entry.id).state == "booked"
            assert shop.orders.save_slip(entry.id, tmp_path / "slip.pdf").size > 1_000
            with pytest.raises(TooMuch) as large:  # Waypost's own word, not the proxy's
                shop._caller.ask("POST", "/v1/orders/files", body=b"x" * (17 << 20), media_type="text/csv")
            assert large.value.code == "too_large"
        with proxy.open(server.key or "") as operator:
            scan = {"carrier": "yto", "code": "GOT", "at": "2026-11-02 09:00"}
            taken = operator.scans.send(scan | {"number": f"YT{each}"} for each in range(25_000))
            assert (taken.accepted, taken.refused) == (25_000, 0)
            assert operator._caller._http.get("/metrics").status_code == 404
        with Waypost(proxy.url, key, patience_s=30) as stranger, pytest.raises(Unreachable, match="not to be trusted"):
            stranger.orders.get("ord_0")
        with httpx.Client(base_url=proxy.url, verify=proxy.tls) as people:
            signed_in = people.post("/operator/login", data={"key": server.key or ""})
            assert "secure" in signed_in.headers["set-cookie"].lower()
            assert signed_in.headers["strict-transport-security"] == "max-age=31536000"
            asked = {"number": [f"YT{each}" for each in range(20)]}
            statuses = [people.get("/v1/parcels", params=asked).status_code for _ in range(2)]
            assert statuses == [200, 429]  # of one visitor
        with httpx.Client(base_url=server.address) as here:  # another address has its own share
            forwarded = {"x-forwarded-for": "203.0.113.7", "host": HOST}
            assert here.get("/v1/parcels", params=asked, headers=forwarded).status_code == 200
        if proxy.plain:
            with httpx.Client(base_url=f"http://localhost:{proxy.plain}") as plain:
                assert plain.get("/v1/orders", headers={"authorization": "Bearer wp_0"}).status_code == 403
                led = plain.get("/track/X?lang=en")
                assert (led.status_code, led.headers["location"]) == (308, "https://localhost/track/X?lang=en")
            written = (folder / "access.log").read_text()
            assert '"POST /v1/orders/files" 413' in written
            assert "number=" not in written
            assert key not in written
        next(opened, None)


# systemd


def test_the_unit_is_one(deploy: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze here: install Debian's systemd")
    unit = (deploy / "waypost.service").read_text("utf-8")
    installed = "/opt/waypost/.venv/bin/waypost"
    assert f"ExecStart={installed} serve\n" in unit
    path = tmp_path / "waypost.service"
    path.write_text(unit.replace(installed, str(Path(sys.executable).with_name("waypost"))))
    told = subprocess.run([program, "verify", "--man=no", path], capture_output=True, text=True, timeout=60)
    assert [each for each in told.stderr.splitlines() if path.name in each] == []
    rated = subprocess.run(
        [program, "security", "--offline=true", "--threshold=20", "--no-pager", path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert rated.returncode == 0, rated.stdout[-200:]


def test_compiled_code_is_kept_where_the_unit_and_the_container_say(deploy: Path, tmp_path: Path) -> None:
    """The one thing of their sandbox that can be tried here: the program's own folder is not written to."""
    for name in ("waypost.service", "Containerfile"):
        assert "NUMBA_CACHE_DIR=/var/cache/waypost" in (deploy / name).read_text("utf-8")
    (tmp_path / "loop.py").write_text(
        "from waypost.store.compiled import compiled\n@compiled\ndef twice(n):\n    return n * 2\nprint(twice(21))\n"
    )
    cache = tmp_path / "cache"
    cache.mkdir()
    environ = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, tmp_path / "loop.py"], env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "42\n", done.stderr
    assert [each.suffix for each in cache.rglob("*loop.twice*")].count(".nbi") == 1
    assert not (tmp_path / "__pycache__").exists()


# Containers


def read_containerfile(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]  # type: ignore[misc]


def test_every_file_that_the_container_takes_is_there(deploy: Path, repo_folder: Path) -> None:
    """It is not built here, for that wants an engine and images from elsewhere."""
    steps = read_containerfile(deploy / "Containerfile")
    copied = [shlex.split(rest) for word, rest in steps if word == "COPY" and not rest.startswith("--from")]
    sources = [source for *found, _ in copied for source in found]
    assert {"requirements/run.txt", "pyproject.toml", "src"} <= set(sources)
    assert [each for each in sources if not (repo_folder / each).exists()] == []
    project = (repo_folder / "pyproject.toml").read_text("utf-8")
    named = re.findall(r"^(?:readme = |license-files = \[)(.*?)\]?$", project, re.M)
    assert set(re.findall(r'"([\w.]+)"', " ".join(named))) <= set(sources)
    installs = [rest for word, rest in steps if word == "RUN" and "pip install" in rest]
    options = {"--require-hashes", "--no-deps", "--only-binary"}
    assert options <= set(shlex.split(installs[0]))
    locked = (repo_folder / "requirements/run.txt").read_text("utf-8")
    assert "\nhatchling==" in locked  # what builds us without a network
    stages = [rest.split() for word, rest in steps if word == "FROM"]
    assert len({stage[0] for stage in stages}) == 1
    assert 'requires-python = ">=3.11"' in project
    words = dict(steps)
    assert words["USER"] == "10001:10001"
    for folder in ("/var/lib/waypost", "/var/cache/waypost"):
        assert folder in words["VOLUME"]
        assert folder in words["ENV"]
        assert any(folder in rest for word, rest in steps if word == "RUN")
    assert (words["ENTRYPOINT"], words["CMD"]) == ('["waypost"]', '["serve"]')


def test_the_check_of_health_knows_a_server_that_is_ready(
    deploy: Path, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "waypost.toml").write_text(SITE, "utf-8")
    server = start_server(home)
    [health] = [rest for word, rest in read_containerfile(deploy / "Containerfile") if word == "HEALTHCHECK"]
    program, option, source = json.loads(health.partition("CMD ")[2])
    assert (program, option, "http://127.0.0.1:8400/readyz" in source) == ("python", "-c", True)
    source = source.replace("http://127.0.0.1:8400", server.address)

    def check() -> int:
        return subprocess.run([sys.executable, "-c", source], capture_output=True, timeout=30).returncode

    until = time.monotonic() + 60
    while check() and time.monotonic() < until:
        time.sleep(0.1)
    assert check() == 0
    server.stop()
    assert check() != 0


def test_the_environment_of_the_container_is_one(deploy: Path) -> None:
    from waypost.app.settings import read_settings

    [told] = [rest for word, rest in read_containerfile(deploy / "Containerfile") if word == "ENV"]
    environ = dict(each.split("=", 1) for each in shlex.split(told))
    settings = read_settings(environ)
    assert (str(settings.home), settings.serve.host, settings.serve.port) == ("/var/lib/waypost", "0.0.0.0", 8400)
