"""Commands that move messages: echo and pub."""

import base64
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import polybus
import pytest

from tests.support.bus import BUS_CLI, PATIENCE_S, PrivateBus

SCHEMA = Path(__file__).with_name("cli.capnp")


def messages(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestEcho:
    def test_decodes_by_the_registrys_schema(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema
    ) -> None:
        publisher = node.publisher("sensors/imu", reading, history=4)
        publisher.publish(
            stamp=2**63, value=float("nan"), level="warn", blob=b"\0\xff", pose={"x": 1.5, "names": ["ä"]}
        )
        done = bus.cli("echo", "sensors/imu", "-n", "1", "--json")
        assert done.returncode == 0
        (line,) = messages(done.stdout)
        assert list(line) == ["v", "topic", "seq", "published_ns", "pid", "type", "size", "msg"]
        assert (line["v"], line["topic"], line["seq"], line["type"]) == (1, "sensors/imu", "1", "cli.capnp:Reading")
        assert isinstance(line["pid"], int)
        assert isinstance(line["size"], int)
        assert int(line["published_ns"]) > 1_600_000_000_000_000_000
        assert line["msg"] == {
            "stamp": "9223372036854775808",
            "value": "NaN",
            "level": "warn",
            "blob": "AP8=",
            "pose": {"x": 1.5, "names": ["ä"]},
        }

    def test_of_an_untyped_topic_is_base64(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("raw", history=1)
        publisher.publish_bytes(b"\x00\x01binary")
        (line,) = messages(bus.cli("echo", "raw", "--once", "--json").stdout)
        assert (line["type"], line["msg"], line["size"]) == (None, None, 8)
        assert base64.b64decode(line["data"]) == b"\x00\x01binary"
        assert bus.cli("echo", "raw", "--once", "--raw").stdout == "\x00\x01binary"
        assert bus.cli("echo", "raw", "--once").stdout.startswith("8 bytes: 00 01")

    def test_fields_and_conditions(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        publisher = node.publisher("sensors/imu", reading, history=8)
        for i in range(6):
            publisher.publish(
                stamp=i,
                value=i / 2,
                level="warn" if i % 2 else "ok",
                label=f"n{i}",
                pose={"x": i, "names": ["a", f"b{i}"]},
            )

        def echo(*arguments: str) -> str:
            done = bus.cli("echo", "sensors/imu", "--timeout", "200ms", *arguments)
            assert done.returncode in (0, 4), done.stderr
            return done.stdout

        assert echo("--field", "label", "-n", "2") == "n0\nn1\n"
        assert echo("--field", "pose.names[1]", "--field", "value", "-n", "1") == "b0\t0.0\n" or echo(
            "--field", "pose.names[1]", "--field", "value", "-n", "1"
        ) in ("b0\t0\n", "b0\t0.0\n")
        assert echo("--field", "values[0]", "-n", "1") == "null\n"
        assert echo("--field", "label", "--where", "level == 'warn' and value > 1") == "n3\nn5\n"
        assert echo("--field", "label", "--where", 'stamp >= 4 or label == "n0"') == "n0\nn4\nn5\n"
        assert echo("--field", "label", "--where", "not (value > 0) or pose.names[1] ~ '5'") == "n0\nn5\n"
        assert echo("--where", "value > 100") == ""
        (line,) = messages(echo("--field", "pose.x", "--json", "-n", "1"))
        assert line["msg"] == 0

    @pytest.mark.parametrize("mistake", ["value >", "(value", "value = = 3", "level == 'warn", "1 2"])
    def test_a_wrong_condition_is_usage(self, no_bus: PrivateBus, mistake: str) -> None:
        done = no_bus.cli("echo", "a", "--where", mistake)
        assert done.returncode == 2
        assert "--where" in done.stderr

    def test_latest_shows_the_newest_kept_value(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema
    ) -> None:
        publisher = node.publisher("sensors/imu", reading, history=4)
        for i in range(4):
            publisher.publish(value=float(i))
        (line,) = messages(bus.cli("echo", "sensors/imu", "--latest", "--json").stdout)
        assert (line["seq"], line["msg"]["value"]) == ("4", 3)

    def test_latest_of_several_topics_is_the_newest_of_all(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema
    ) -> None:
        publishers = [node.publisher(topic, reading, history=1) for topic in ("s/a", "s/b", "s/c")]
        for i in (0, 2, 1):
            publishers[i].publish(value=float(i))
        (line,) = messages(bus.cli("echo", "s/*", "--latest", "--json").stdout)
        assert (line["topic"], line["msg"]["value"]) == ("s/b", 1)

    def test_of_nothing_times_out_with_4(self, bus: PrivateBus) -> None:
        done = bus.cli("echo", "nowhere", "--timeout", "50ms")
        assert (done.returncode, done.stdout) == (4, "")

    def test_waits_for_a_topic_that_comes_later(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema
    ) -> None:
        waiting = bus.start([BUS_CLI, "echo", "later", "-n", "1", "--json"], stdout=subprocess.PIPE)
        publisher = node.publisher("later", reading)
        assert publisher.wait_for_subscribers(1, PATIENCE_S)
        publisher.publish(label="here")
        out, _ = waiting.communicate(timeout=PATIENCE_S)
        assert waiting.returncode == 0
        assert messages(out)[0]["msg"]["label"] == "here"

    def test_globs_take_topics_that_come_later(self, bus: PrivateBus, node: polybus.Node) -> None:
        first = node.publisher("cam/front", history=1)
        first.publish_bytes(b"1")
        watching = bus.start([BUS_CLI, "echo", "cam/*", "-n", "2", "--json"], stdout=subprocess.PIPE)
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["topic"] == "cam/front"
        second = node.publisher("cam/rear")
        assert second.wait_for_subscribers(1, PATIENCE_S)
        second.publish_bytes(b"2")
        assert json.loads(watching.stdout.readline())["topic"] == "cam/rear"
        assert watching.wait(PATIENCE_S) == 0

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_interrupted_before_any_result(
        self, bus: PrivateBus, node: polybus.Node, number: signal.Signals, code: int
    ) -> None:
        publisher = node.publisher("quiet")
        waiting = bus.start([BUS_CLI, "echo", "quiet"], stdout=subprocess.PIPE)
        assert publisher.wait_for_subscribers(1, PATIENCE_S)
        waiting.send_signal(number)
        assert waiting.wait(PATIENCE_S) == code

    def test_interrupted_after_a_result_is_done(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("quiet", history=1)
        publisher.publish_bytes(b"one")
        waiting = bus.start([BUS_CLI, "echo", "quiet"], stdout=subprocess.PIPE)
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == '"one"\n'
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(PATIENCE_S) == 0

    def test_interrupted_before_all_that_was_asked_for_is_4(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("quiet", history=1)
        publisher.publish_bytes(b"one")
        waiting = bus.start([BUS_CLI, "echo", "quiet", "-n", "2"], stdout=subprocess.PIPE)
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == '"one"\n'
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(PATIENCE_S) == 4

    def test_output_that_cannot_be_written_is_an_error(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("quiet", history=1)
        publisher.publish_bytes(b"one")
        for command in (["echo", "quiet", "-n", "1"], ["list"]):
            with open("/dev/full", "w") as full:
                process = bus.start([BUS_CLI, *command], stdout=full, stderr=subprocess.PIPE)
                _, notes = process.communicate(timeout=PATIENCE_S)
            assert process.returncode == 1
            assert "cannot write to standard output: No space left on device" in notes

    def test_a_reader_that_goes_away_ends_it(self, bus: PrivateBus) -> None:
        bus.start([BUS_CLI, "pub", "ticks", "tick", "-r", "200"], stdout=subprocess.DEVNULL)
        echo = bus.start([BUS_CLI, "echo", "ticks"], stdout=subprocess.PIPE)
        assert echo.stdout is not None
        echo.stdout.readline()
        echo.stdout.close()
        assert echo.wait(PATIENCE_S) in (0, -signal.SIGPIPE)


class TestPub:
    def test_json_on_a_typed_topic(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        subscriber = node.subscriber("sensors/imu", reading)
        value = '{"stamp":"18446744073709551615","value":2.5,"level":"warn","values":[1,2.5],"pose":{"x":-1}}'
        done = bus.cli("pub", "sensors/imu", value, "--schema", f"{SCHEMA}:Reading")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "published 1 (seq 1..1)\n"
        sample = subscriber.take(timeout=PATIENCE_S)
        assert sample is not None
        assert sample.msg.to_dict() == {
            "stamp": 2**64 - 1,
            "value": 2.5,
            "level": "warn",
            "values": [1.0, 2.5],
            "pose": {"x": -1.0},
        }

    def test_uses_the_topics_schema(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        other = node.publisher("sensors/imu", reading)
        assert other.topic == "sensors/imu"
        subscriber = node.subscriber("sensors/imu")
        assert bus.cli("pub", "sensors/imu", '{"label":"x"}').returncode == 0
        sample = subscriber.take(timeout=PATIENCE_S)
        assert sample is not None
        assert sample.msg.label == "x"

    def test_wrong_values_are_told_and_lose_nothing(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema
    ) -> None:
        subscriber = node.subscriber("sensors/imu", reading)
        for value, told in [
            ('{"nope":1}', "nope"),
            ('{"level":"loud"}', "level"),
            ("{", "JSON"),
            ('{"value":"x"}', "value"),
        ]:
            done = bus.cli("pub", "sensors/imu", value, "--schema", f"{SCHEMA}:Reading")
            assert done.returncode == 2, value
            assert told in done.stderr
        assert subscriber.take() is None

    def test_a_wrong_line_is_told_by_its_number(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema
    ) -> None:
        subscriber = node.subscriber("sensors/imu", reading)
        lines = '{"label":"a"}\n\n{"value":"x"}\n'
        done = bus.cli("pub", "sensors/imu", "--stdin", "--schema", f"{SCHEMA}:Reading", input=lines)
        assert (done.returncode, done.stdout) == (2, "published 1 (seq 1..1)\n")
        assert done.stderr.startswith("bus-cli: line 3: value: expected Float64")
        sample = subscriber.take(timeout=PATIENCE_S)
        assert sample is not None
        assert sample.msg.label == "a"

    def test_schema_mistakes(self, bus: PrivateBus, tmp_path: Path) -> None:
        assert bus.cli("pub", "a", "{}", "--schema", "no/such.capnp:A").returncode == 3
        assert bus.cli("pub", "a", "{}", "--schema", f"{SCHEMA}:Nothing").returncode == 5
        broken = tmp_path / "broken.capnp"
        broken.write_text("struct {")
        assert bus.cli("pub", "a", "{}", "--schema", f"{broken}:A").returncode == 5
        several = bus.cli("pub", "a", "{}", "--schema", str(SCHEMA))
        assert several.returncode == 2
        assert "Reading" in several.stderr

    def test_another_schema_is_a_mismatch(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema, tmp_path: Path
    ) -> None:
        publisher = node.publisher("sensors/imu", reading)
        assert publisher.topic == "sensors/imu"
        other = tmp_path / "other.capnp"
        other.write_text("@0xc1d8a9e07b3f2645;\nstruct Other { value @0 :Text; }\n")
        assert bus.cli("pub", "sensors/imu", "{}", "--schema", f"{other}:Other").returncode == 5

    def test_bytes_on_an_untyped_topic(self, bus: PrivateBus, node: polybus.Node) -> None:
        subscriber = node.subscriber("raw")
        assert bus.cli("pub", "raw", "grüß").returncode == 0
        sample = subscriber.take(timeout=PATIENCE_S)
        assert sample is not None
        assert bytes(sample.data) == "grüß".encode()

    def test_what_echo_prints_pub_reads(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema) -> None:
        source = node.publisher("from", reading, history=8)
        for i in range(3):
            source.publish(stamp=2**60 + i, value=0.1 * i, blob=bytes([i]), values=[float(i)])
        untyped = node.publisher("from/raw", history=8)
        untyped.publish_bytes(b"\xff\x00")
        target = node.subscriber("to", reading, queue=8)
        target_raw = node.subscriber("to/raw")
        echoed = bus.cli("echo", "from", "-n", "3", "--json").stdout
        done = bus.cli("pub", "to", "--stdin", "--json", input=echoed)
        (report,) = messages(done.stdout)
        assert (report["published"], report["first_seq"], report["last_seq"]) == (3, "1", "3")
        again = [sample.msg.to_dict() for _ in range(3) if (sample := target.take(timeout=PATIENCE_S))]
        assert [message["stamp"] for message in again] == [2**60, 2**60 + 1, 2**60 + 2]
        assert [message["blob"] for message in again] == [b"\0", b"\1", b"\2"]
        assert (
            bus.cli(
                "pub", "to/raw", "--stdin", input=bus.cli("echo", "from/raw", "-n", "1", "--json").stdout
            ).returncode
            == 0
        )
        sample = target_raw.take(timeout=PATIENCE_S)
        assert sample is not None
        assert bytes(sample.data) == b"\xff\x00"

    def test_files(self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema, tmp_path: Path) -> None:
        subscriber = node.subscriber("sensors/imu", reading)
        text = tmp_path / "message.json"
        text.write_text('{\n  "label": "from a file"\n}\n')
        assert bus.cli("pub", "sensors/imu", "--file", str(text), "--schema", f"{SCHEMA}:Reading").returncode == 0
        frame = tmp_path / "frame"
        frame.write_bytes(reading.encode(label="a frame"))
        assert bus.cli("pub", "sensors/imu", "--file", str(frame), "--schema", f"{SCHEMA}:Reading").returncode == 0
        labels = [sample.msg.label for _ in range(2) if (sample := subscriber.take(timeout=PATIENCE_S))]
        assert labels == ["from a file", "a frame"]
        assert bus.cli("pub", "sensors/imu", "--file", str(tmp_path / "nothing")).returncode == 3

    def test_rate_count_and_waiting(self, bus: PrivateBus, node: polybus.Node) -> None:
        sending = bus.start(
            [BUS_CLI, "pub", "ticks", "t", "-n", "5", "-r", "500", "--wait-subs", "1"], stdout=subprocess.PIPE
        )
        subscriber = node.subscriber("ticks")
        assert sending.wait(PATIENCE_S) == 0
        assert [bytes(sample.data) for _ in range(5) if (sample := subscriber.take(timeout=PATIENCE_S))] == [b"t"] * 5
        nobody = bus.cli("pub", "alone", "t", "--wait-subs", "1", "--timeout", "50ms")
        assert nobody.returncode == 4

    def test_interrupted_while_it_repeats(self, bus: PrivateBus, node: polybus.Node) -> None:
        subscriber = node.subscriber("ticks")
        sending = bus.start([BUS_CLI, "pub", "ticks", "t", "-r", "100"], stdout=subprocess.PIPE)
        assert subscriber.take(timeout=PATIENCE_S)
        sending.send_signal(signal.SIGINT)
        out, _ = sending.communicate(timeout=PATIENCE_S)
        assert sending.returncode == 0
        assert out.startswith("published ")

    def test_usage(self, bus: PrivateBus) -> None:
        assert bus.cli("pub", "a").returncode == 2
        assert bus.cli("pub", "a", "x", "--stdin").returncode == 2
        assert bus.cli("pub", "a//b", "x").returncode == 2
        for option in ("-r", "-n"):
            done = bus.cli("pub", "a", "x", option, "0")
            assert done.returncode == 2
            assert "expected a number above 0, got 0" in done.stderr

    def test_an_exclusive_topic_is_not_permitted(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("mine", exclusive=True)
        assert publisher.topic == "mine"
        assert bus.cli("pub", "mine", "x").returncode == 7
