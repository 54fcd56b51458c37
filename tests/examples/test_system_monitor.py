"""The example that is the point of it all, as a user runs it."""

import json
import re
import signal
import subprocess
import sys

from tests.support.bus import BUILD, EXAMPLES, NODE, PrivateBus, until

FOLDER = EXAMPLES / "system_monitor"
PROGRAMS = {
    "producer": [sys.executable, str(FOLDER / "producer.py")],
    "processor": [str(BUILD / "bin/examples/system_monitor-processor")],
    "consumer": [NODE, str(FOLDER / "consumer.mjs")],
}
LAST_LINE = re.compile(r"demo: python (\d+) published, c\+\+ (\d+) processed, node (\d+) logged")


def test_runs_for_a_while_and_counts(no_bus: PrivateBus) -> None:
    done = no_bus.run(sys.executable, FOLDER / "run.py", "--duration", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    match = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
    assert match, done.stdout
    published, processed, logged = map(int, match.groups())
    assert 0 < processed <= published
    assert 0 < logged <= published
    assert re.search(r"cpu .* %  memory .* of .*network", done.stdout)


def test_ends_in_order_when_interrupted(no_bus: PrivateBus) -> None:
    # As a shell starts things in the background: with SIGINT ignored.
    background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    demo = no_bus.start([*background, sys.executable, FOLDER / "run.py"], stdout=subprocess.PIPE)
    assert demo.stdout is not None
    lines = iter(demo.stdout)
    assert any("network" in line for line in lines)
    demo.send_signal(signal.SIGINT)
    rest = list(lines)
    assert demo.wait(30) == 0
    assert LAST_LINE.fullmatch(rest[-1].rstrip())


def test_goes_on_when_one_is_interrupted_and_picks_it_up_again(bus: PrivateBus) -> None:
    running = {name: bus.start(command, stdout=subprocess.DEVNULL) for name, command in PROGRAMS.items()}

    def nodes() -> dict[str, int]:
        listed = bus.cli("node", "list", "--json").stdout.splitlines()
        return {line["node"]: line["pid"] for line in map(json.loads, listed)}

    def taken(node: str) -> int:
        ends = json.loads(bus.cli("info", "system/load", "--json").stdout or "{}").get("subscribers", [])
        return sum(int(end["taken"]) for end in ends if end["node"] == node)

    def all_flow() -> None:
        before = {name: taken(name) for name in ("processor", "consumer")}
        until(lambda: all(taken(name) > count for name, count in before.items()), "messages")

    until(lambda: nodes().keys() == PROGRAMS.keys(), "all three")
    all_flow()
    for name, command in PROGRAMS.items():
        running[name].send_signal(signal.SIGINT)
        assert running[name].wait(30) == 0, name
        assert all(process.poll() is None for other, process in running.items() if other != name)
        running[name] = bus.start(command, stdout=subprocess.DEVNULL)
        again = running[name].pid
        until(lambda name=name, again=again: nodes().get(name) == again, f"{name} again")
        all_flow()


def test_can_be_looked_at_meanwhile(bus: PrivateBus) -> None:
    for command in PROGRAMS.values():
        bus.start(command, stdout=subprocess.DEVNULL)
    echoed = bus.cli("echo", "system/load", "-n", "3", "--json")
    assert echoed.returncode == 0
    loads = [json.loads(line)["msg"] for line in echoed.stdout.splitlines()]
    assert len(loads) == 3
    assert all(load["cpuPercent"] and int(load["memoryTotal"]) > 0 for load in loads)
    until(lambda: len(bus.cli("list").stdout.splitlines()) == 2, "two topics")
    until(lambda: all(name in bus.cli("graph").stdout for name in PROGRAMS), "three programs in the graph")
