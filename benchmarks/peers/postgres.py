"""PostgreSQL: COPY into a temporary table, from there ON CONFLICT, one transaction a batch, synchronous commit.

A cluster of its own is made in a folder and thrown away with it; it listens on a socket in that folder alone.
"""

import io
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from benchmarks.peers.peer import CACHE_MB, COLUMNS, LeftOut, plain_scans

_START_S = 60
_SERVERS = Path("/usr/lib/postgresql")
_USER = "postgres"
_SETTINGS = {
    "listen_addresses": "",
    "synchronous_commit": "on",
    "fsync": "on",
    "shared_buffers": f"{CACHE_MB}MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "lz4",
    "temp_buffers": "64MB",
    "work_mem": "64MB",
}
_SCHEMA = """
CREATE TABLE timeline (number text COLLATE "C", carrier text COLLATE "C", at bigint, code text COLLATE "C",
    facility text COLLATE "C", note text, PRIMARY KEY (number, carrier, at, code, facility));
CREATE TABLE state (number text COLLATE "C", carrier text COLLATE "C", first_at bigint, last_at bigint, code text,
    facility text, PRIMARY KEY (number, carrier));
CREATE TEMPORARY TABLE batch (LIKE timeline);
"""
_KEEP = """
INSERT INTO timeline SELECT * FROM batch ON CONFLICT DO NOTHING;
INSERT INTO state
    SELECT DISTINCT ON (number, carrier)
        number, carrier, min(at) OVER (PARTITION BY number, carrier), at, code, facility
    FROM batch ORDER BY number, carrier, at DESC
    ON CONFLICT (number, carrier) DO UPDATE SET
        first_at = least(state.first_at, excluded.first_at),
        code = CASE WHEN excluded.last_at > state.last_at THEN excluded.code ELSE state.code END,
        facility = CASE WHEN excluded.last_at > state.last_at THEN excluded.facility ELSE state.facility END,
        last_at = greatest(state.last_at, excluded.last_at);
COMMIT;
"""
_DONE = "(done)"
_CSV = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")


class Postgres:
    """See `Peer`."""

    def __init__(self, folder: Path, programs: Path, user: str | None) -> None:
        self._user, self._programs, self._data = user, programs, folder / "data"
        made = self._run("initdb", "-A", "trust", "-U", _USER, "-E", "UTF8", "--locale=C", "-D", str(self._data))
        if made != 0:
            raise RuntimeError("initdb failed; it told why above.")
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        sockets = ("-c", f"unix_socket_directories={folder}")
        with (folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                [programs / "postgres", "-D", self._data, *settings, *sockets],
                user=user,
                cwd="/",
                stdout=log,
                stderr=log,
            )
        try:
            self._await(folder)
            command = [
                str(programs / "psql"),
                "-h",
                str(folder),
                "-U",
                _USER,
                "-d",
                "postgres",
                "-qAtX",
                "-v",
                "ON_ERROR_STOP=1",
            ]
            self._session = subprocess.Popen(command, user=user, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._ask(_SCHEMA.encode())
        except BaseException:
            self._stop()
            raise

    def load(self, scans: pa.RecordBatch) -> None:
        """See `Peer.load`."""
        text = io.BytesIO()
        pyarrow.csv.write_csv(plain_scans(scans), text, _CSV)
        copy = f"BEGIN; TRUNCATE batch;\nCOPY batch ({', '.join(COLUMNS)}) FROM STDIN (FORMAT csv);\n"
        self._ask(copy.encode() + text.getvalue() + b"\\.\n" + _KEEP.encode())

    def look_up(self, number: str) -> tuple[int, int]:
        """See `Peer.look_up`."""
        asks = (f"SELECT * FROM {table} WHERE number = '{number}';\n" for table in ("state", "timeline"))
        state, *timeline = self._ask("".join(asks).encode())
        return len(timeline), int(state.split("|")[3])

    def counts(self) -> tuple[int, int]:
        """See `Peer.counts`."""
        scans, parcels = self._ask(b"SELECT count(*) FROM timeline; SELECT count(*) FROM state;\n")
        return int(scans), int(parcels)

    def close(self) -> None:
        """See `Peer.close`."""
        try:
            if self._session.poll() is None:
                self._ask(b"CHECKPOINT;\n")
                self._session.communicate()
        finally:
            self._stop()

    def _ask(self, statements: bytes) -> Sequence[str]:
        """The lines that some statements answer."""
        assert self._session.stdin is not None
        assert self._session.stdout is not None
        self._session.stdin.write(statements + f"\\echo {_DONE}\n".encode())
        self._session.stdin.flush()
        lines: list[str] = []
        for line in self._session.stdout:
            if line.decode().rstrip("\n") == _DONE:
                return lines
            lines.append(line.decode().rstrip("\n"))
        raise RuntimeError("psql ended; it told why above.")

    def _await(self, folder: Path) -> None:
        until = time.monotonic() + _START_S
        while not (folder / ".s.PGSQL.5432").exists() or self._run("pg_isready", "-q", "-h", str(folder)):
            if self._server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-500:]}")
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str) -> int:
        command = [str(self._programs / program), *arguments]
        return subprocess.run(
            command, user=self._user, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ).returncode

    def _stop(self) -> None:
        self._server.send_signal(signal.SIGINT)
        self._server.wait()


def start(folder: Path) -> Postgres:
    """See `open_peer`. The server refuses to run as root, so the folder is then given to the user `postgres`."""
    found = sorted(_SERVERS.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise LeftOut("there is no PostgreSQL server here (Debian: apt-get install postgresql)")
    programs = found[-1].parent if found else Path(str(on_path)).resolve().parent
    if not (programs / "psql").exists():
        raise LeftOut(f"there is no psql in {programs} (Debian: apt-get install postgresql-client)")
    if os.geteuid() != 0:
        return Postgres(folder, programs, None)
    try:
        owner = pwd.getpwnam(_USER)
    except KeyError:
        raise LeftOut(f"it does not run as root, and there is no user {_USER}") from None
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return Postgres(folder, programs, _USER)
