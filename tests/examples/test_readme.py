"""The README's programs are those of `quickstart.*` in examples/hello, and each of them does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bus import BUILD, EXAMPLES, NODE, ROOT, PrivateBus

QUICKSTART = EXAMPLES / "hello"
BIN = BUILD / "bin" / "examples"
FILES = {
    "python": "quickstart.py",
    "js": "quickstart.mjs",
    "cpp": "quickstart.cpp",
    "c": "quickstart.c",
}
RUNS = {
    "python": ([sys.executable, QUICKSTART / "quickstart.py"], "Python 1"),
    "js": ([NODE, QUICKSTART / "quickstart.mjs"], "JavaScript 1"),
    "cpp": ([BIN / "hello-quickstart"], "C++"),
    "c": ([BIN / "hello-quickstart-c"], "gain=3"),
}


def readme_block(language: str) -> str:
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"the README has {len(blocks)} programs in {language}"
    return str(blocks[0])


@pytest.mark.parametrize("language", FILES)
def test_the_readme_shows_the_file_that_is_tested(language: str) -> None:
    assert readme_block(language) == (QUICKSTART / FILES[language]).read_text()


@pytest.mark.parametrize("language", RUNS)
def test_a_quick_start_does_what_it_says(bus: PrivateBus, language: str) -> None:
    command, expected = RUNS[language]
    done = subprocess.run(
        command,
        env=bus.environment,
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


def test_every_file_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text()):
        assert Path(ROOT / target).exists(), target
