"""A topic explains itself to newcomers also after busd was killed: publishers bring their schemas to the next one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polybus

from tests.support.bus import BUS_CLI, PATIENCE_S, PrivateBus, until

FILE = Path(__file__).with_name("cli.capnp")

# A publisher that lives through it. Nobody but it has the schema's file.
PUBLISHER = """
import sys
import polybus

with polybus.Node("sensor") as node:
    publisher = node.publisher("reading", polybus.load_schema(sys.argv[1]).Reading, history=1)
    publisher.publish(value=1.5)
    for line in sys.stdin:
        publisher.publish(value=float(line), level="warn", label="after", pose={"x": 2, "names": ["a", "b"]})
        print("published", flush=True)
"""
# A newcomer that has no schema of its own.
SUBSCRIBER = """
import polybus

with polybus.Node("newcomer") as node:
    subscriber = node.subscriber("reading")
    while (sample := subscriber.take(timeout=30)) is not None:
        if sample.msg.label == "after":
            print(sample.schema.fingerprint, sample.msg.to_json(), flush=True)
            break
"""
EXPECTED = {"stamp": "0", "value": 2.5, "level": "warn", "label": "after", "pose": {"x": 2, "names": ["a", "b"]}}


def listed(bus: PrivateBus) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bus.cli("schema", "list", "reading", "--json").stdout.splitlines()]


def busd_of(bus: PrivateBus) -> int | None:
    """The process id of the busd that answers now."""
    found = bus.cli("graph", "--json")
    return int(json.loads(found.stdout)["busd_pid"]) if found.returncode == 0 else None


def test_schemas_are_what_they_were_after_busd_was_killed(bus: PrivateBus, tmp_path: Path) -> None:
    original = polybus.load_schema(FILE).Reading
    publisher = bus.start([sys.executable, "-c", PUBLISHER, FILE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    before = until(lambda: listed(bus), "the publisher")
    shown = bus.cli("schema", "show", "reading")
    assert shown.returncode == 0, shown.stderr

    killed = bus.processes[0]
    assert busd_of(bus) == killed.pid
    killed.kill()
    killed.wait(PATIENCE_S)
    # The publisher starts another one; until it has, there is none, and until it told its ends, they are not there.
    until(lambda: busd_of(bus) not in (None, killed.pid) and listed(bus) == before, "a busd that knows the topic again")

    (version,) = listed(bus)
    assert version == {
        "v": 1,
        "topic": "reading",
        "version": 1,
        "type": "cli.capnp:Reading",
        "fingerprint": original.fingerprint,
        "publishers": 1,
        "kept_publishers": 0,
        "subscribers": 0,
    }
    again = bus.cli("schema", "show", "reading")
    assert (again.returncode, again.stdout) == (0, shown.stdout)
    (tmp_path / "shown.capnp").write_text(again.stdout)
    assert polybus.load_schema(tmp_path / "shown.capnp").Reading.fingerprint == original.fingerprint

    python = bus.start([sys.executable, "-c", SUBSCRIBER], stdout=subprocess.PIPE)
    core = bus.start([BUS_CLI, "echo", "reading", "-n", "2", "--json"], stdout=subprocess.PIPE)
    until(lambda: subscribers(bus) == 2, "both newcomers")
    assert publisher.stdin is not None
    publisher.stdin.write("2.5\n")
    publisher.stdin.flush()
    fingerprint, _, message = python.communicate(timeout=PATIENCE_S)[0].partition(" ")
    assert fingerprint == original.fingerprint
    assert json.loads(message) == EXPECTED
    kept, new = core.communicate(timeout=PATIENCE_S)[0].splitlines()
    assert json.loads(kept)["msg"]["value"] == 1.5
    assert json.loads(new)["msg"] == EXPECTED
    assert publisher.communicate(timeout=PATIENCE_S)[0] == "published\n"
    assert publisher.returncode == 0


def subscribers(bus: PrivateBus) -> int:
    (line,) = [json.loads(line) for line in bus.cli("list", "reading", "--json").stdout.splitlines()]
    return int(line["subscribers"])
