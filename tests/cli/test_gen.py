"""`bus-cli gen`: what it writes lets type checkers find mistakes, and none of it is needed at run time."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polybus
import pytest

from tests.support.bus import NODE, ROOT, PrivateBus

SCHEMA = ROOT / "tests/conformance/conformance.capnp"
TSC = ROOT / "node_modules/typescript/bin/tsc"

PYTHON = """
from typing import TYPE_CHECKING, Literal

import polybus

if TYPE_CHECKING:
    import conformance_capnp as types
else:
    types = polybus.load_schema({schema!r})


def label(point: "types.PointReader") -> str:
    return point.label


def main(node: polybus.Node) -> None:
    publisher = node.publisher("t", types.Everything, history=1)
    seq: int = publisher.publish(name="whole", color="green", points=[{{"x": 1}}], place={{"north": 1.5}}, flag=True)
    publisher.publish({{"int32s": range(3), "data": b"x", "textBox": {{"value": "t"}}}})
    with publisher.loan() as draft:
        draft.msg.name = "draft"
        draft.msg.init("points", 2)[1].x = 7
        draft.msg.point.label = "deep"
        draft.msg.float64s = [1, 2.5]
    for sample in node.subscriber("t", types.Everything, timeout=0.0):
        msg = sample.msg
        first: list[int] = [point.x for point in msg.points]
        which: Literal["idle", "count", "words", "flag"] | int = msg.which()
        city: str = msg.place.city
        print(seq, msg.name, first, which, city, label(msg.point), msg.color, [list(row) for row in msg.matrix])
    back = types.Everything.decode(types.Everything.encode(name="again"))
    limit: int = types.most
    unit: str = types.Everything.unit
    corner: int = types.corner.x
    print(back.name, limit, unit, corner, back.pointBox.value.label)


if __name__ == "__main__":
    with polybus.Node("typed") as node:
        main(node)
"""
PYTHON_MISTAKES = {
    "a field that is not there": ("msg.name,", "msg.nmae,", "nmae"),
    "a field of another type": ('name="whole"', "name=5", "name"),
    "an enumerant that is not there": ('color="green"', 'color="pink"', "color"),
    "an unknown keyword": ("flag=True", "flagg=True", "flagg"),
    "a wrong field inside": ('{{"x": 1}}', '{{"x": "one"}}', "x"),
    "a draft's field of another type": (
        'draft.msg.name = "draft"',
        "draft.msg.name = 5",
        "Incompatible types",
    ),
    "a draft's field that is not there": (
        "draft.msg.point.label",
        "draft.msg.point.labell",
        "labell",
    ),
    "a constant of another type": ("limit: int", "limit: str", "Incompatible types"),
    "a type that is not there": (
        "types.Everything.decode",
        "types.Nothing.decode",
        "Nothing",
    ),
    "init of what has no size": ('init("points", 2)', 'init("points")', "init"),
}

TYPESCRIPT = """
import { Node, decode, encode, loadSchema } from 'polybus'
import type { PointReader, Types } from './conformance.capnp.js'

const types = loadSchema<Types>('conformance.capnp')
const label = (point: PointReader): string => point.label

export function main(node: Node): void {
  const publisher = node.publisher('t', types.Everything, { history: 1 })
  const seq: bigint = publisher.publish({ name: 'whole', color: 'green', points: [{ x: 1 }], flag: true, int64: 5n })
  publisher.publish({ int32s: [1, 2], data: new Uint8Array(1), float32s: new Float32Array(2), textBox: { value: 't' } })
  const draft = publisher.loan()
  draft.msg.name = 'draft'
  draft.msg.init('points', 2).at(1)!.x = 7
  draft.msg.point.label = 'deep'
  draft.msg.float64s = [1, 2.5]
  draft.msg.init('int32s', 2)
  draft.publish()
  const sample = node.subscriber('t', types.Everything).take()
  if (sample !== null) {
    const { msg } = sample
    const xs: number[] = msg.points.map((point) => point.x)
    const which: 'idle' | 'count' | 'words' | 'flag' | number = msg.which()
    const numbers: Float64Array = msg.float64s
    const wide: bigint = msg.uint64
    console.log(seq, msg.name, xs, which, numbers, wide, label(msg.point), msg.color, msg.place.city)
  }
  const back = decode(types.Everything, encode(types.Everything, { name: 'again' }))
  const limit: bigint = types.most
  const unit: string = types.Everything.unit
  console.log(back.name, limit, unit, types.corner.x, back.pointBox.value.label)
}
"""
# What is right, what is wrong in its place, what tsc says of it, and what stands where tsc points to.
TYPESCRIPT_MISTAKES = {
    "a field that is not there": ("msg.name,", "msg.nmae,", "Property 'nmae' does not exist", "nmae"),
    "a field of another type": ("name: 'whole'", "name: 5", "'number' is not assignable to type 'string'", "name: 5"),
    "an enumerant that is not there": (
        "color: 'green'",
        "color: 'pink'",
        """'"pink"' is not assignable to type 'number | "red" | "green" | "blue" | undefined'""",
        "color",
    ),
    "an unknown key": ("flag: true", "flagg: true", "'flagg' does not exist", "flagg"),
    "a wrong field inside": ("[{ x: 1 }]", "[{ x: 'one' }]", "'string' is not assignable to type 'number'", "x: "),
    "a draft's field of another type": (
        "draft.msg.name = 'draft'",
        "draft.msg.name = 5",
        "'number' is not assignable to type 'string'",
        "draft.msg.name",
    ),
    "a draft's field that is not there": (
        "draft.msg.point.label",
        "draft.msg.point.labell",
        "Property 'labell' does not exist",
        "labell",
    ),
    "a received message is read-only": (
        "const { msg } = sample",
        "const { msg } = sample; msg.name = 'x'",
        "Cannot assign to 'name' because it is a read-only property",
        "name",
    ),
    "64 bits are a bigint": (
        "const wide: bigint",
        "const wide: number",
        "'bigint' is not assignable to type 'number'",
        "wide: number = msg.uint64",
    ),
    "a type that is not there": (
        "decode(types.Everything",
        "decode(types.Nothing",
        "Property 'Nothing' does not exist",
        "Nothing",
    ),
    "init of what has no size": ("init('int32s', 2)", "init('int32s')", "No overload matches this call", "'int32s')"),
}
TSCONFIG = {
    "compilerOptions": {
        "target": "es2022",
        "module": "node16",
        "moduleResolution": "node16",
        "lib": ["es2022", "esnext.disposable"],
        "types": ["node"],
        "typeRoots": [str(ROOT / "node_modules/@types")],
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "noUncheckedIndexedAccess": True,
        "noEmit": True,
    },
    "include": ["*.mts", "*.ts"],
}


def generate(bus: PrivateBus, language: str, folder: Path) -> Path:
    schema = folder / "conformance.capnp"
    shutil.copy(SCHEMA, schema)
    done = bus.cli("gen", language, str(schema))
    assert done.returncode == 0, done.stderr
    return schema


def mypy(folder: Path, program: str) -> str:
    # A name of its own each time: to mypy's cache a file of the same size and second is the same file.
    name = f"program_{len(list(folder.glob('program_*.py')))}.py"
    (folder / name).write_text(program)
    package = str(Path(polybus.__file__).parent.parent)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            str(folder / "cache"),
            name,
        ],
        cwd=folder,
        env=os.environ | {"MYPYPATH": f"{folder}{os.pathsep}{package}", "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def tsc(folder: Path, program: str) -> str:
    (folder / "program.mts").write_text(program)
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(ROOT / "node_modules")
    done = subprocess.run([NODE, TSC, "-p", folder], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def mistaken(program: str, right: str, wrong: str) -> str:
    assert program.count(right) == 1, right
    return program.replace(right, wrong)


def line_of_the_mistake(right: str, wrong: str) -> int:
    """The only line in which two programs differ, counted from 1."""
    differing = [i for i, (a, b) in enumerate(zip(right.splitlines(), wrong.splitlines(), strict=True), 1) if a != b]
    assert len(differing) == 1
    return differing[0]


def test_mypy_accepts_what_is_right_and_finds_what_is_not(no_bus: PrivateBus, tmp_path: Path) -> None:
    schema = generate(no_bus, "python", tmp_path)
    right = PYTHON.format(schema=str(schema))
    assert mypy(tmp_path, right) == ""
    for what, (good, bad, saying) in PYTHON_MISTAKES.items():
        wrong = mistaken(PYTHON, good, bad).format(schema=str(schema))
        told = mypy(tmp_path, wrong)
        assert saying in told, what + told
        assert "Found 1 error" in told, what + told
        errors = re.findall(r"^program_\d+\.py:(\d+): error:", told, re.MULTILINE)
        assert errors == [str(line_of_the_mistake(right, wrong))], what + told


def test_tsc_accepts_what_is_right_and_finds_what_is_not(no_bus: PrivateBus, tmp_path: Path) -> None:
    generate(no_bus, "typescript", tmp_path)
    assert tsc(tmp_path, TYPESCRIPT) == ""
    for what, (good, bad, saying, pointing_at) in TYPESCRIPT_MISTAKES.items():
        wrong = mistaken(TYPESCRIPT, good, bad)
        told = tsc(tmp_path, wrong)
        errors = re.findall(r"^\S*program\.mts\((\d+),(\d+)\): error TS\d+: (.*)", told, re.MULTILINE)
        assert len(errors) == told.count("error TS") == 1, what + told
        line, column, first_words = errors[0]
        assert int(line) == line_of_the_mistake(TYPESCRIPT, wrong), what + told
        assert wrong.splitlines()[int(line) - 1][int(column) - 1 :].startswith(pointing_at), what + told
        assert saying in first_words, what + told


def test_the_typed_program_runs_without_anything_generated(bus: PrivateBus, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PYTHON.format(schema=str(SCHEMA)))
    done = bus.run(sys.executable, program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "1 draft [0, 7] idle  deep red []"
    assert done.stdout.splitlines()[-1] == "again 18446744073709551615 mm -4 "


@pytest.mark.parametrize(
    "name",
    [
        "tests/python/words.capnp",
        "tests/node/everything.capnp",
        "schemas/control.capnp",
    ],
)
def test_other_schemas_become_types_that_check(no_bus: PrivateBus, tmp_path: Path, name: str) -> None:
    stem = Path(name).stem
    written = no_bus.cli("gen", "python", str(ROOT / name), "-o", str(tmp_path / f"{stem}_capnp.pyi"))
    assert (written.returncode, written.stdout) == (0, "")
    assert mypy(tmp_path, f"import {stem}_capnp\n\nprint({stem}_capnp)\n") == ""
    declared = no_bus.cli("gen", "typescript", str(ROOT / name), "-o", "-")
    (tmp_path / f"{stem}.capnp.d.ts").write_text(declared.stdout)
    use = f"import type {{ Types }} from './{stem}.capnp.js'\nexport const types: Types | null = null\n"
    assert tsc(tmp_path, use) == ""


def test_what_is_no_schema_is_told(no_bus: PrivateBus, tmp_path: Path) -> None:
    assert no_bus.cli("gen", "python", str(tmp_path / "none.capnp")).returncode != 0
    assert no_bus.cli("gen", "rust", str(SCHEMA)).returncode == 2
