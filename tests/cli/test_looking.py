"""Commands that only look: list, info, type, find, hz, bw, delay, node, graph, limits."""

import json
import os
import pty
import subprocess
from typing import Any

import polybus

from tests.support.bus import BUS_CLI, PATIENCE_S, PrivateBus, until


def lines(bus: PrivateBus, *arguments: str) -> list[dict[str, Any]]:
    """What a command says as JSON; it must succeed."""
    done = bus.cli(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestList:
    def test_has_the_fixed_fields(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        publisher = node.publisher("sensors/imu", reading)
        subscriber = node.subscriber("sensors/imu")
        publisher.publish(value=1.5)
        assert subscriber.take(timeout=PATIENCE_S)
        (line,) = lines(bus, "list")
        assert list(line) == ["v", "topic", "type", "publishers", "subscribers", "hz", "bytes_per_s", "drops"]
        assert line["v"] == 1
        assert (line["topic"], line["type"]) == ("sensors/imu", "cli.capnp:Reading")
        assert (line["publishers"], line["subscribers"], line["drops"]) == (1, 1, "0")
        assert isinstance(line["hz"], int | float)
        assert isinstance(line["bytes_per_s"], int | float)

    def test_shows_the_rate_at_one_look(self, bus: PrivateBus, node: polybus.Node) -> None:
        bus.start([BUS_CLI, "pub", "ticks", "tick", "-r", "100"], stdout=subprocess.DEVNULL)
        rate = until(lambda: next((line["hz"] for line in lines(bus, "list") if line["hz"] > 50), None), "a rate")
        assert rate < 200
        assert lines(bus, "hz", "ticks")[0]["hz"] > 50
        assert lines(bus, "bw", "ticks")[0]["bytes_per_s"] > 200

    def test_counts_drops(self, bus: PrivateBus, node: polybus.Node) -> None:
        subscriber = node.subscriber("fast", queue=1)
        publisher = node.publisher("fast")
        for _ in range(10):
            publisher.publish_bytes(b"x")
        assert subscriber.take(timeout=PATIENCE_S)
        (line,) = lines(bus, "list")
        assert line["drops"] == str(subscriber.lost) == "9"
        assert line["type"] is None

    def test_counts_drops_of_a_subscriber_that_takes_nothing(self, bus: PrivateBus, node: polybus.Node) -> None:
        subscriber = node.subscriber("fast", queue=4)
        publisher = node.publisher("fast")
        for _ in range(10):
            publisher.publish_bytes(b"x")
        assert subscriber.lost == 6
        assert lines(bus, "list")[0]["drops"] == "6"
        (end,) = lines(bus, "info", "fast")[0]["subscribers"]
        assert (end["taken"], end["drops"], end["lag"]) == ("0", "6", 4)
        assert subscriber.take()
        publisher.publish_bytes(b"x")
        publisher.publish_bytes(b"x")
        (end,) = lines(bus, "info", "fast")[0]["subscribers"]
        assert end["drops"] == str(subscriber.lost)
        assert end["taken"] == "1"

    def test_globs_and_hidden_topics(self, bus: PrivateBus, node: polybus.Node) -> None:
        ends = [node.publisher(name) for name in ("a", "a/b", "a/b/c", "x/b", "_hidden/a")]
        assert len(ends) == 5

        def names(*arguments: str) -> list[str]:
            return [line["topic"] for line in lines(bus, "list", *arguments)]

        assert names() == ["a", "a/b", "a/b/c", "x/b"]
        assert names("*") == ["a"]
        assert names("*/b") == ["a/b", "x/b"]
        assert names("a/**") == ["a/b", "a/b/c"]
        assert names("**/b") == ["a/b", "x/b"]
        assert names("**") == ["a", "a/b", "a/b/c", "x/b"]
        assert names("_hidden/*") == ["_hidden/a"]
        assert names("--all") == ["_hidden/a", "a", "a/b", "a/b/c", "x/b"]
        assert names("nothing/*") == []
        assert bus.cli("list", "--count").stdout == "4\n"

    def test_of_one_missing_topic_exits_3_and_suggests(self, bus: PrivateBus, node: polybus.Node) -> None:
        node.publisher("sensors/imu")
        missing = bus.cli("list", "sensor/imu")
        assert missing.returncode == 3
        assert missing.stdout == ""
        assert "sensor/imu" in missing.stderr

    def test_suggests_what_was_meant(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("sensors/imu")
        assert publisher.topic == "sensors/imu"
        assert 'did you mean "sensors/imu"?' in bus.cli("info", "sensor/imu").stderr
        assert 'did you mean "sensors/imu"?' in bus.cli("type", "imu").stderr

    def test_is_columns_in_a_pipe_and_a_table_on_a_terminal(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("sensors/imu")
        assert publisher.stats.sequence == 0
        assert bus.cli("list").stdout == "sensors/imu\t-\t1\t0\t0\t0\t0\n"
        shown = on_terminal(bus, "list")
        assert "TOPIC" in shown
        assert "\x1b[1m" in shown
        assert "0.0 Hz" in shown
        assert "\x1b[" not in on_terminal(bus, "list", NO_COLOR="1")
        assert "TOPIC" not in on_terminal(bus, "list", "--no-header")

    def test_of_an_empty_bus_is_empty(self, bus: PrivateBus) -> None:
        empty = bus.cli("list")
        assert (empty.returncode, empty.stdout) == (0, "")
        assert "no topics" in empty.stderr
        assert 'no topic matches "cam/*"' in bus.cli("list", "cam/*").stderr
        assert bus.cli("list", "-q").stderr == ""


def on_terminal(bus: PrivateBus, *arguments: str, **environment: str) -> str:
    controller, terminal = pty.openpty()
    with os.fdopen(controller, "rb", buffering=0) as reader:
        clean = {key: value for key, value in bus.environment.items() if key != "NO_COLOR"}
        command = [BUS_CLI, *arguments]
        done = subprocess.run(
            command, env={**clean, "TERM": "xterm", **environment}, stdout=terminal, timeout=PATIENCE_S, check=True
        )
        os.close(terminal)
        assert done.returncode == 0
        return reader.read(65536).decode()


class TestInfo:
    def test_names_both_ends(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        publisher = node.publisher("sensors/imu", reading, history=3)
        subscriber = node.subscriber("sensors/imu", queue=5)
        publisher.publish(value=1.0)
        publisher.publish(value=2.0)
        assert subscriber.take(timeout=PATIENCE_S)
        (line,) = lines(bus, "info", "sensors/imu")
        assert {"topic", "type", "fingerprint", "publishers", "subscribers", "memory"} <= line.keys()
        assert line["fingerprint"] == reading.fingerprint
        (sending,), (receiving,) = line["publishers"], line["subscribers"]
        for end in (sending, receiving):
            assert (end["node"], end["pid"]) == ("tester", os.getpid())
            assert end["language"].startswith("python")
        assert (sending["seq"], sending["history"], sending["subscribers"]) == ("2", 3, 1)
        assert (receiving["taken"], receiving["queue"], receiving["drops"]) == ("1", 5, "0")
        assert line["memory"]["bytes"] > 0
        assert "tester" in bus.cli("info", "sensors/imu").stdout

    def test_exits_3_when_the_topic_is_not_there(self, bus: PrivateBus) -> None:
        for command in ("info", "type", "hz", "bw", "delay"):
            missing = bus.cli(command, "nowhere")
            assert missing.returncode == 3, command
            assert "nowhere" in missing.stderr

    def test_wrong_names_are_usage(self, bus: PrivateBus) -> None:
        for command in ("info", "type", "hz", "echo", "list"):
            assert bus.cli(command, "/a//b").returncode == 2, command


class TestTypes:
    def test_type_and_find(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        ends = [node.publisher("sensors/imu", reading), node.publisher("bytes")]
        assert len(ends) == 2
        (line,) = lines(bus, "type", "sensors/imu")
        assert line == {"v": 1, "topic": "sensors/imu", "type": "cli.capnp:Reading", "fingerprint": reading.fingerprint}
        assert lines(bus, "type", "bytes")[0]["type"] is None
        for wanted in ("Reading", "cli.capnp:Reading", "Read*"):
            assert [found["topic"] for found in lines(bus, "find", wanted)] == ["sensors/imu"]
        assert bus.cli("find", "Nothing").returncode == 3


class TestRates:
    def test_expectations_decide_the_exit_code(self, bus: PrivateBus) -> None:
        bus.start([BUS_CLI, "pub", "ticks", "tick", "-r", "50"], stdout=subprocess.DEVNULL)
        until(lambda: bus.cli("hz", "ticks", "--expect", "50", "--tolerance", "40%").returncode == 0, "50 Hz")
        wrong = bus.cli("hz", "ticks", "--expect", "5", "--tolerance", "10%", "--json")
        assert wrong.returncode == 1
        assert json.loads(wrong.stdout)["ok"] is False
        assert bus.cli("hz", "ticks", "--expect", "fast").returncode == 2

    def test_delay_comes_from_the_subscribers(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("ticks")
        nobody = bus.cli("delay", "ticks", "--window", "10ms")
        assert nobody.returncode == 1
        subscriber = node.subscriber("ticks")
        for _ in range(5):
            publisher.publish_bytes(b"tick")
            assert subscriber.take(timeout=PATIENCE_S)
        (line,) = lines(bus, "delay", "ticks", "--window", "10ms")
        assert (line["topic"], line["node"], line["count"]) == ("ticks", "tester", 5)
        assert 0 < int(line["p50_ns"]) <= int(line["p99_ns"]) <= int(line["max_ns"])
        assert bus.cli("delay", "ticks", "--window", "10ms", "--expect", "1ns").returncode == 1


class TestNodesAndGraph:
    def test_node_list_and_info(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        ends = [node.publisher("sensors/imu", reading), node.subscriber("other")]
        assert len(ends) == 2
        (line,) = lines(bus, "node", "list")
        assert (line["node"], line["pid"], line["publishers"], line["subscribers"]) == ("tester", os.getpid(), 1, 1)
        (line,) = lines(bus, "node", "info", "tester")
        assert [end["topic"] for end in line["publishers"]] == ["sensors/imu"]
        assert [end["topic"] for end in line["subscribers"]] == ["other"]
        for command in ("list", "info"):
            missing = bus.cli("node", command, "testet")
            assert missing.returncode == 3
            assert 'did you mean "tester"?' in missing.stderr

    def test_graph_in_every_format(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        ends = [node.publisher("sensors/imu", reading), node.subscriber("sensors/imu")]
        assert len(ends) == 2
        (graph,) = lines(bus, "graph")
        assert (graph["v"], graph["bus"]) == (1, bus.name)
        assert graph["nodes"][0]["node"] == "tester"
        (topic,) = graph["topics"]
        assert topic["topic"] == "sensors/imu"
        assert len(graph["connections"]) == 1
        assert graph["connections"][0]["publisher"] == topic["publishers"][0]["id"]
        text = bus.cli("graph").stdout
        assert "sensors/imu" in text
        assert "tester" in text
        assert bus.cli("graph", "--format", "dot").stdout.startswith("digraph")
        assert bus.cli("graph", "--format", "mermaid").stdout.startswith("graph LR")
        assert bus.cli("graph", "--format", "picture").returncode == 2

    def test_limits_with_and_without_a_bus(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("a")
        assert publisher.topic == "a"
        limits = {line["limit"]: line for line in lines(bus, "limits")}
        assert (limits["topics"]["bound"], limits["topics"]["used"]) == (4096, 1)

    def test_limits_without_a_bus(self, no_bus: PrivateBus) -> None:
        limits = {line["limit"]: line for line in lines(no_bus, "limits")}
        assert limits["ends"] == {"v": 1, "limit": "ends", "bound": 16384, "per": "bus", "used": None}


class TestWithoutRegistry:
    def test_looking_exits_6_and_starts_nothing(self, no_bus: PrivateBus) -> None:
        for command in (
            ["list"],
            ["info", "a"],
            ["graph"],
            ["node", "list"],
            ["hz", "a"],
            ["type", "a"],
            ["daemon", "status"],
        ):
            unreachable = no_bus.cli(*command)
            assert unreachable.returncode == 6, command
        assert no_bus.name in no_bus.cli("list").stderr
        assert not no_bus.answers()

    def test_counters_are_shown_while_busd_is_dead(self, no_bus: PrivateBus) -> None:
        busd = no_bus.start_busd()
        no_bus.environment["POLYBUS_AUTOSTART"] = "0"
        no_bus.start([BUS_CLI, "pub", "ticks", "tick", "-r", "20"], stdout=subprocess.DEVNULL)
        until(lambda: '"ticks"' in no_bus.cli("list", "--json").stdout, "the topic")
        busd.kill()
        busd.wait()
        (line,) = lines(no_bus, "list")
        assert (line["topic"], line["publishers"]) == ("ticks", 1)
        assert "busd is not running" in no_bus.cli("list").stderr
        assert no_bus.cli("info", "ticks").returncode == 0

    def test_no_command_and_unknown_ones_are_usage(self, no_bus: PrivateBus) -> None:
        assert no_bus.cli().returncode == 2
        for word, told in [("nonsense", "see bus-cli --help"), ("lst", 'did you mean "list"?')]:
            done = no_bus.cli(word)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr == f'bus-cli: there is no command "{word}"; {told}\n'
        assert no_bus.cli("list", "--nonsense").returncode == 2
        assert no_bus.cli("--help").returncode == 0
        assert no_bus.cli("--version").stdout.strip().count(".") == 2
