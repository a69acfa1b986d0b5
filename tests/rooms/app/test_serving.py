import json
import socket
import subprocess

from tests.rooms.app.commands import COMMAND, Commands


def test_a_start_that_fails_makes_no_key(commands: Commands) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"cannot listen at 127.0.0.1:{port}" in commands.fail("serve", "--port", port, code=2)
    assert commands.ask("admin", "list-keys") == []

    command = [*COMMAND, "serve", "--port", "0", "--json"]
    server = subprocess.Popen(command, env=commands.environ, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        lines = iter(server.stdout.readline, b"}\n")
        told = json.loads(b"".join(lines) + b"}")
        assert told["key"].startswith("wp_")
        assert [key["name"] for key in commands.ask("admin", "list-keys")] == ["first start"]
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert server.returncode == 0
