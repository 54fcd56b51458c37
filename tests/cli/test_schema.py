"""bus-cli schema list, show, diff, check, export."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import polybus
import pytest

from tests.support.bus import BUS_CLI, PATIENCE_S, ROOT, PrivateBus, until

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests/conformance/differences.json").read_text())["cases"]
FILE = ROOT / "tests/cli/cli.capnp"

V1 = "struct Imu @0xb2c3d4e5f6a70818 { x @0 :Float32; mood @1 :Mood; enum Mood { calm @0; busy @1; } }"
V2 = (
    "struct Imu @0xb2c3d4e5f6a70818 { x @0 :Float32; mood @1 :Mood; y @2 :List(Text); enum Mood { calm @0; busy @1; } }"
)
OTHER = "struct Imu @0xb2c3d4e5f6a70818 { x @0 :Float64; mood @1 :Mood; enum Mood { calm @0; busy @1; } }"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"@0xf0e1d2c3b4a59688;\n{text}\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        name: write(tmp_path / name / "imu.capnp", text) for name, text in {"v1": V1, "v2": V2, "other": OTHER}.items()
    }


def lines(bus: PrivateBus, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = bus.cli(*arguments, "--json")
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestList:
    def test_has_every_version_and_who_has_it(
        self, bus: PrivateBus, node: polybus.Node, files: dict[str, Path]
    ) -> None:
        v1, v2 = polybus.load_schema(files["v1"]).Imu, polybus.load_schema(files["v2"]).Imu
        ends = [node.publisher("imu", v1), node.subscriber("imu", v2), node.publisher("bytes"), node.subscriber("imu")]
        assert len(ends) == 4
        expected = {"v": 1, "topic": "imu", "type": "imu.capnp:Imu"}
        assert lines(bus, "schema", "list") == [
            expected
            | {"version": 1, "fingerprint": v1.fingerprint, "publishers": 1, "subscribers": 0, "kept_publishers": 0},
            expected
            | {"version": 2, "fingerprint": v2.fingerprint, "publishers": 0, "subscribers": 1, "kept_publishers": 0},
        ]
        assert (
            bus.cli("schema", "list", "imu").stdout.splitlines()[1] == f"imu\t2\timu.capnp:Imu\t{v2.fingerprint}\t0\t1"
        )
        assert bus.cli("schema", "list", "nowhere").returncode == 3

    def test_works_with_busd_dead(self, no_bus: PrivateBus, files: dict[str, Path]) -> None:
        daemon = no_bus.start_busd()
        publishing = no_bus.start(
            [BUS_CLI, "pub", "imu", '{"x":1}', "--schema", f"{files['v1']}:Imu", "-r", "5"],
            stdout=subprocess.DEVNULL,
        )
        until(lambda: lines(no_bus, "schema", "list"), "a publisher")
        publishing.send_signal(signal.SIGSTOP)  # else it would start another busd
        daemon.kill()
        daemon.wait(PATIENCE_S)
        (line,) = lines(no_bus, "schema", "list")
        assert (line["topic"], line["version"], line["type"], line["publishers"]) == ("imu", None, "imu.capnp:Imu", 1)
        assert no_bus.cli("schema", "show", "imu").returncode == 6
        publishing.kill()


class TestShow:
    def test_compiles_to_the_same_fingerprint(self, bus: PrivateBus, node: polybus.Node, tmp_path: Path) -> None:
        conformance = ROOT / "tests/conformance/conformance.capnp"
        everything = polybus.load_schema(conformance).Everything
        publisher = node.publisher("all", everything)
        assert publisher.topic == "all"
        text = bus.cli("schema", "show", "all")
        assert (text.returncode, text.stderr) == (0, "")
        copy = tmp_path / "conformance.capnp"
        copy.write_text(text.stdout)
        assert polybus.load_schema(copy).Everything == everything
        (line,) = lines(bus, "schema", "show", f"{conformance}:Everything")
        assert line == {
            "v": 1,
            "topic": None,
            "version": None,
            "type": "conformance.capnp:Everything",
            "fingerprint": everything.fingerprint,
            "capnp": text.stdout,
        }

    def test_is_what_the_capnp_tool_compiles(self, no_bus: PrivateBus, tmp_path: Path) -> None:
        for case in CASES:
            original = write(tmp_path / "case.capnp", case["here"])
            shown = no_bus.cli("schema", "show", f"{original}:Main")
            assert (shown.returncode, shown.stderr) == (0, ""), case["name"]
            copy = tmp_path / "copy.capnp"
            copy.write_text(shown.stdout)
            tool = ["capnp", "compile", "-o-", "--no-standard-import", copy]
            assert subprocess.run(tool, capture_output=True, check=True).stdout, case["name"]
            assert polybus.load_schema(copy).Main == polybus.load_schema(original).Main, case["name"]

    def test_of_numbered_unions_and_negative_zeros_says_the_same(self, no_bus: PrivateBus, tmp_path: Path) -> None:
        original = write(
            tmp_path / "old.capnp",
            "struct Main { u @0! :union { a @1 :Int32; b @2 :Int8; } zeros @3 :List(Float64) = [-0.0, 0.0]; }",
        )
        shown = no_bus.cli("schema", "show", f"{original}:Main")
        assert (shown.returncode, shown.stderr) == (0, "")
        copy = tmp_path / "copy.capnp"
        copy.write_text(shown.stdout)
        assert polybus.load_schema(copy).Main == polybus.load_schema(original).Main

    def test_of_a_version_and_of_what_is_not_there(
        self, bus: PrivateBus, node: polybus.Node, files: dict[str, Path]
    ) -> None:
        ends = [
            node.publisher("imu", polybus.load_schema(files["v1"]).Imu),
            node.subscriber("imu", polybus.load_schema(files["v2"]).Imu),
            node.publisher("bytes"),
        ]
        assert len(ends) == 3
        assert "y @2 :List(Text);" not in bus.cli("schema", "show", "imu").stdout
        assert "y @2 :List(Text);" in bus.cli("schema", "show", "imu@2").stdout
        for wrong, code in {
            "imu@3": 3,
            "imu@x": 2,
            "bytes": 3,
            "nowhere": 3,
            "/no/such.capnp:Imu": 3,
            "a//b": 2,
        }.items():
            assert bus.cli("schema", "show", wrong).returncode == code, wrong
        assert bus.cli("schema", "show", f"{files['v1']}:Nope").returncode == 5
        assert bus.cli("schema").returncode == 2


class TestDiff:
    def test_says_what_a_refusal_says(self, bus: PrivateBus, node: polybus.Node, tmp_path: Path) -> None:
        for case in CASES:
            self.check(case, bus, node, tmp_path)

    def check(self, case: dict[str, Any], bus: PrivateBus, node: polybus.Node, tmp_path: Path) -> None:
        here = f"{write(tmp_path / 'here.capnp', case['here'])}:Main"
        if case["there"] is None:
            publisher = node.publisher("untyped")
            there = publisher.topic
        else:
            there = f"{write(tmp_path / 'there.capnp', case['there'])}:Main"
        mismatches, notes = case.get("mismatches", []), case.get("notes", [])
        (line,) = lines(bus, "schema", "diff", here, there, code=5 if mismatches else 0)
        assert (line["here"], line["there"]) == (here, there)
        assert (line["mismatches"], line["notes"]) == (mismatches, notes), case["name"]
        assert line["fits"] is not bool(mismatches)
        assert line["identical"] is (case["name"] == "comments, order and types that nobody refers to")
        plain = bus.cli("schema", "diff", here, there)
        assert plain.returncode == (5 if mismatches else 0)
        said = [row.split("\t") for row in plain.stdout.splitlines()]
        assert sorted(said) == sorted([["mismatch", text] for text in mismatches] + [["note", text] for text in notes])

    def test_takes_topics_and_their_versions(self, bus: PrivateBus, node: polybus.Node, files: dict[str, Path]) -> None:
        ends = [
            node.publisher("imu", polybus.load_schema(files["v1"]).Imu),
            node.subscriber("imu", polybus.load_schema(files["v2"]).Imu),
        ]
        assert len(ends) == 2
        (line,) = lines(bus, "schema", "diff", "imu@1", "imu@2")
        assert line["notes"] == ["y @2: nothing here, List(Text) there"]
        (line,) = lines(bus, "schema", "diff", f"{files['other']}:Imu", "imu", code=5)
        assert line["mismatches"] == ["x @0: Float64 here, Float32 there"]


class TestCheck:
    def test_says_whether_a_program_would_be_let_in(
        self, bus: PrivateBus, node: polybus.Node, files: dict[str, Path]
    ) -> None:
        publisher = node.publisher("imu", polybus.load_schema(files["v1"]).Imu)
        for name, code in {"v1": 0, "v2": 0, "other": 5}.items():
            done = bus.cli("schema", "check", "--against", "imu", f"{files[name]}:Imu")
            assert done.returncode == code, name
        assert "x @0: Float64 here, Float32 there" in done.stdout
        (line,) = lines(bus, "schema", "check", "--against", "imu", f"{files['other']}:Imu", code=5)
        assert (line["there"], line["fits"]) == ("imu@1", False)
        assert bus.cli("schema", "check", "--against", "nowhere", f"{files['v1']}:Imu").returncode == 3
        publisher.close()

    def test_looks_at_every_version_in_use(self, bus: PrivateBus, node: polybus.Node, files: dict[str, Path]) -> None:
        third = write(files["v1"].parent / "third.capnp", V1.replace("mood @1 :Mood;", "mood @1 :Mood; z @2 :Int8;"))
        ends = [
            node.publisher("imu", polybus.load_schema(files["v1"]).Imu),
            node.subscriber("imu", polybus.load_schema(files["v2"]).Imu),
        ]
        checked = lines(bus, "schema", "check", "--against", "imu", f"{third}:Imu", code=5)
        assert [(line["there"], line["fits"]) for line in checked] == [("imu@1", True), ("imu@2", False)]
        ends[1].close()
        until(lambda: lines(bus, "schema", "list")[1]["subscribers"] == 0, "the subscriber's end")
        assert len(lines(bus, "schema", "check", "--against", "imu", f"{third}:Imu")) == 1

    def test_looks_at_the_values_that_a_publisher_left(
        self, bus: PrivateBus, node: polybus.Node, files: dict[str, Path]
    ) -> None:
        third = write(files["v1"].parent / "third.capnp", V1.replace("mood @1 :Mood;", "mood @1 :Mood; z @2 :Int8;"))
        subscriber = node.subscriber("imu", polybus.load_schema(files["v1"]).Imu)
        with node.publisher("imu", polybus.load_schema(files["v2"]).Imu, history=1) as publisher:
            publisher.publish(x=1)
        until(lambda: lines(bus, "schema", "list")[1]["kept_publishers"] == 1, "a value to be kept")
        checked = lines(bus, "schema", "check", "--against", "imu", f"{third}:Imu", code=5)
        assert [(line["there"], line["fits"]) for line in checked] == [("imu@1", True), ("imu@2", False)]
        with pytest.raises(polybus.SchemaMismatchError):
            node.subscriber("imu", polybus.load_schema(third).Imu)
        subscriber.close()

    def test_does_not_look_at_a_version_that_nobody_has(
        self, bus: PrivateBus, node: polybus.Node, files: dict[str, Path]
    ) -> None:
        subscriber = node.subscriber("imu")
        node.publisher("imu", polybus.load_schema(files["v1"]).Imu).close()
        until(lambda: lines(bus, "schema", "list")[0]["publishers"] == 0, "the publisher's end")
        assert lines(bus, "schema", "check", "--against", "imu", f"{files['other']}:Imu") == []
        node.publisher("imu", polybus.load_schema(files["other"]).Imu).close()
        subscriber.close()

    def test_of_an_untyped_topic_fails(self, bus: PrivateBus, node: polybus.Node) -> None:
        publisher = node.publisher("bytes")
        (line,) = lines(bus, "schema", "check", "--against", publisher.topic, f"{FILE}:Reading", code=5)
        assert line["mismatches"] == ["a schema here, none there"]


class TestExport:
    def test_writes_the_bundle_and_the_source(
        self, bus: PrivateBus, node: polybus.Node, reading: polybus.Schema, tmp_path: Path
    ) -> None:
        publisher = node.publisher("imu", reading)
        bundle, source = tmp_path / "imu.cgr", tmp_path / "cli.capnp"
        (line,) = lines(bus, "schema", "export", publisher.topic, "-o", str(bundle))
        assert line["bytes"] == bundle.stat().st_size
        assert (line["format"], line["fingerprint"]) == ("bundle", reading.fingerprint)
        assert polybus.Schema.from_bundle(bundle.read_bytes()) == reading
        assert bus.cli("schema", "export", "imu", "--format", "capnp", "-o", str(source)).returncode == 0
        assert polybus.load_schema(source).Reading == reading
        assert bus.cli("schema", "export", "imu", "--format", "capnp").stdout == source.read_text()
        assert bus.cli("schema", "export", "imu", "-o", "/nowhere/x").returncode == 1
