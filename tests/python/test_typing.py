"""The stubs say what is there, and type checkers accept what the documentation shows."""

import subprocess
import sys
from pathlib import Path

import polybus
import pytest

HERE = Path(__file__).parent
PROGRAM = """
import polybus
from polybus import Sample, Subscriber

Imu = polybus.load_schema("imu.capnp", ["/usr/include"]).Imu

def main() -> None:
    with polybus.Node("producer", timeout=1.5) as node:
        pub = node.publisher("sensors/imu", Imu, history=1)
        seq: int = pub.publish(frameId="base", accel=[0.1, 0.2, 9.8])
        with pub.loan(size=1 << 20) as draft:
            draft.msg.init("pixels", seq)
            draft.msg.frameId = "base"
        sub: Subscriber = node.subscriber("sensors/imu", timeout=1.0)
        for sample in sub:
            text: str = sample.msg.frameId
            print(text, sample.msg.to_dict(), sample.topic, sample.seq, sample.latency_ns, bytes(sample.data))
        late: Sample | None = sub.latest()
        region = node.region("settings", size=4096)
        region.write(b"x")
        value = region.read()
        if value is not None and late is not None:
            print(bytes(value), late.pid, node.graph()["topics"])

async def loop(sub: Subscriber) -> int:
    async for sample in sub:
        return sample.seq
    return 0
"""


def run(*command: str) -> str:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture
def environment(monkeypatch, tmp_path):
    package = Path(polybus.__file__).parent
    monkeypatch.setenv("MYPYPATH", str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return tmp_path


def test_the_documented_program_passes_mypy_strict_and_a_mistake_does_not(environment):
    program = environment / "program.py"
    program.write_text(PROGRAM)
    assert run("mypy", "--strict", "--cache-dir", str(environment), str(program)) == ""
    program.write_text(PROGRAM.replace("timeout=1.5", "timeout='x'"))
    assert "timeout" in run("mypy", "--strict", "--cache-dir", str(environment), str(program))


def test_the_stubs_agree_with_the_package(environment, monkeypatch):
    monkeypatch.chdir(environment)
    assert run("mypy.stubtest", "polybus", "--ignore-unused-allowlist", "--allowlist", str(HERE / "stubtest.txt")) == ""


def test_everything_public_has_a_docstring():
    for name in polybus.__all__:
        thing = getattr(polybus, name)
        if not isinstance(thing, type):
            continue
        assert thing.__doc__, name
        for attribute, value in vars(thing).items():
            if not attribute.startswith("_") and (callable(value) or hasattr(value, "__get__")):
                assert value.__doc__, f"{name}.{attribute}"
