"""Formatting, static checks and types of every language; run by `make lint` and `make test`.

Reads the compile commands of build/. clang-tidy takes seconds per file, so a file that passed is not looked at again
until it, a header of ours that it includes, its compile command or the checks change.

    lint.py            check
    lint.py --all      check, without trusting earlier results, and clang-tidy also for tests and examples
    lint.py --fix      format in place
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
CACHE = BUILD / ".cache"
FOLDERS = ("bus", "discovery", "adapters", "tools", "examples", "tests")
PRETTIER = ROOT / "node_modules" / ".bin" / "prettier"

# Which includes each folder may have (architecture.md, "imports point down only"). Everything that is ours and not
# listed is forbidden; the first matching row counts.
OURS = re.compile(r"^(bus|discovery|adapters|tools|schemas|polybus)/")
LAYERS = [
    ("adapters/python/", r"polybus/polybus\.h$"),
    ("adapters/node/", r"polybus/polybus\.h$"),
    ("bus/include/", r"polybus/"),
    ("adapters/cpp/include/", r"polybus/"),
    ("adapters/c/include/", r"polybus/"),
    ("bus/", r"(bus|schemas)/"),
    ("discovery/", r"(discovery|bus|schemas)/"),
    ("adapters/", r"(adapters|discovery|bus|schemas|polybus)/"),
    ("tools/", r"(tools|adapters|discovery|bus|schemas|polybus)/"),
    ("examples/", r"polybus/"),
    ("tests/integration/", r"(polybus|schemas)/"),
]
# Third-party headers and the only folders where they may appear.
THIRD_PARTY = [
    (
        re.compile(r"^(iceoryx_|iox/)"),
        ("bus/memory/", "bus/transport/", "tests/unit/", "tests/bench/", "tests/fault/iceoryx/"),
    ),
    (re.compile(r"^spdlog/"), ("bus/", "discovery/", "tools/")),
]


def git_files() -> list[Path]:
    """Tracked and new files of ours, without what is ignored."""
    try:
        command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):  # a source archive
        listed = [
            str(p.relative_to(ROOT)) for f in FOLDERS for p in (ROOT / f).rglob("*") if "node_modules" not in p.parts
        ]
    return sorted(Path(name) for name in listed if name and (ROOT / name).is_file())


def suffixed(files: Iterable[Path], *suffixes: str) -> list[str]:
    return [str(f) for f in files if f.suffix in suffixes and f.parts[0] in FOLDERS]


def run(name: str, command: list[str], env: dict[str, str] | None = None) -> bool:
    """Runs one checker; shows what it says only if it objects."""
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, env={**os.environ, **(env or {})})
    report(name, done.returncode == 0, time.monotonic() - start, done.stdout + done.stderr)
    return done.returncode == 0


def report(name: str, passed: bool, seconds: float, output: str) -> None:
    print(f"lint: {name}: {'ok' if passed else 'FAILED'} ({seconds:.1f} s)", flush=True)
    if not passed:
        print(output.rstrip()[-20000:], flush=True)


def check_includes(files: list[str]) -> bool:
    """Holds the code's includes against LAYERS and THIRD_PARTY."""
    wrong = []
    for name in files:
        allowed = next((pattern for folder, pattern in LAYERS if name.startswith(folder)), None)
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if not match:
                continue
            header = match[1]
            low = (ROOT / "bus" / "include" / header).exists()  # a public header that is the bus's own
            if allowed and OURS.match(header) and not low and not re.match(allowed, header):
                wrong.append(f"{name}:{number}: may not include {header}: imports point down only")
            for pattern, folders in THIRD_PARTY:
                if pattern.match(header) and not name.startswith(folders):
                    wrong.append(f"{name}:{number}: {header} belongs to {', '.join(folders)} only")
    report("includes", not wrong, 0, "\n".join(wrong))
    return not wrong


def check_version() -> bool:
    """npm wants the version in a file of its own; it must be CMake's."""
    match = re.search(r"project\(polybus VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    version = match[1] if match else "?"
    package = json.loads((ROOT / "adapters/node/package.json").read_text())["version"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["adapters/node"]["version"]
    ok = bool(version == package == locked)
    report(
        "version", ok, 0, f"CMakeLists.txt {version}, adapters/node/package.json {package}, package-lock.json {locked}"
    )
    return ok


def ninja_deps() -> dict[str, list[str]]:
    """Per object file, the headers of ours that its last compilation read."""
    listed = subprocess.run(["ninja", "-C", str(BUILD), "-t", "deps"], text=True, capture_output=True).stdout
    deps: dict[str, list[str]] = {}
    current: list[str] = []
    for line in listed.splitlines():
        if line and not line[0].isspace():
            current = deps.setdefault(line.split(":")[0], [])
        elif line:
            path = os.path.normpath(BUILD / line.strip())
            if path.startswith(str(ROOT) + os.sep):
                current.append(path)
    return deps


def run_clang_tidy(everything: bool) -> bool:
    start = time.monotonic()
    # 4 to 5 s of processor time per file: tests and examples only when asked for.
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    deps = ninja_deps()
    settings = (ROOT / ".clang-tidy").read_bytes()
    contents: dict[str, bytes] = {}

    def content(path: str) -> bytes:
        if path not in contents:
            contents[path] = Path(path).read_bytes() if os.path.exists(path) else b""
        return contents[path]

    todo = {}
    for command in commands:
        source = os.path.normpath(os.path.join(command["directory"], command["file"]))
        relative = os.path.relpath(source, ROOT)
        # The first command of a source file counts; C is left to the compiler's own warnings.
        folders = FOLDERS if everything else FOLDERS[:4]
        if source in todo or not relative.startswith(folders) or Path(source).suffix not in (".cpp", ".cc"):
            continue
        key = hashlib.sha256(settings + command["command"].encode() + content(source))
        words = shlex.split(command["command"])
        for path in sorted(deps.get(words[words.index("-o") + 1], [])):
            key.update(path.encode() + content(path))
        stamp = CACHE / "clang-tidy" / hashlib.sha256(relative.encode()).hexdigest()[:16]
        passed = not everything and stamp.exists() and stamp.read_text() == key.hexdigest()
        todo[source] = None if passed else (relative, stamp, key.hexdigest())

    def tidy(job: tuple[str, Path, str]) -> str:
        relative, stamp, key = job
        command = ["clang-tidy", "-p", str(BUILD), "--quiet", "--extra-arg=-Wno-unknown-warning-option", relative]
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
        if done.returncode:
            return done.stdout + ("" if "error:" in done.stdout else done.stderr)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key)
        return ""

    jobs = [job for job in todo.values() if job]
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", os.cpu_count() or 2))) as pool:
        findings = [text for text in pool.map(tidy, jobs) if text]
    report(f"clang-tidy, {len(jobs)} of {len(todo)} files", not findings, time.monotonic() - start, "\n".join(findings))
    return not findings


def main() -> int:
    os.environ["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    parser = argparse.ArgumentParser(description="Checks of every language's sources.")
    parser.add_argument("--all", action="store_true", help="do not trust earlier results of clang-tidy")
    parser.add_argument("--fix", action="store_true", help="format in place instead of checking")
    parser.add_argument("--only", default="", help="comma-separated: format includes version ruff mypy node clang-tidy")
    arguments = parser.parse_args()
    only = set(filter(None, arguments.only.split(",")))
    CACHE.mkdir(parents=True, exist_ok=True)

    files = git_files()
    cxx = suffixed(files, ".cpp", ".hpp", ".h", ".c", ".cc")
    python = suffixed(files, ".py", ".pyi")
    node = [f for f in suffixed(files, ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json") if "lock" not in f]
    node.append("package.json")
    config = ["--config", "adapters/python/pyproject.toml"]
    ruff_env = {"RUFF_CACHE_DIR": str(CACHE / "ruff")}

    if arguments.fix:
        results = [
            run("clang-format", ["clang-format", "-i", *cxx]) if cxx else True,
            run("ruff format", ["ruff", "format", *config, *python], ruff_env),
            run("ruff check", ["ruff", "check", "--fix", *config, *python], ruff_env),
            run("prettier", [str(PRETTIER), "--write", "--log-level=warn", *node]),
        ]
        return 0 if all(results) else 1

    def wanted(name: str) -> bool:
        return not only or name in only

    results = []
    if wanted("version"):
        results.append(check_version())
    if wanted("includes"):
        results.append(check_includes(cxx))
    if wanted("format") and cxx:
        results.append(run("clang-format", ["clang-format", "--dry-run", "-Werror", "--ferror-limit=3", *cxx]))
    if wanted("ruff"):
        results.append(run("ruff format", ["ruff", "format", "--check", *config, *python], ruff_env))
        results.append(run("ruff check", ["ruff", "check", *config, *python], ruff_env))
    if wanted("mypy"):
        typed = [
            f
            for f in ("adapters/python/polybus", "adapters/python/_polybus_launch.py", "tools/dev/lint.py")
            if any(p.startswith(f) for p in python)
        ]
        cache = {"MYPY_CACHE_DIR": str(CACHE / "mypy")}
        results.append(run("mypy", ["mypy", "--config-file", "adapters/python/pyproject.toml", *typed], cache))
    if wanted("node"):
        results.append(run("prettier", [str(PRETTIER), "--check", "--log-level=warn", *node]))
        if any(f.startswith(("adapters/node/lib", "adapters/node/types", "adapters/node/test")) for f in node):
            results.append(run("tsc", ["node_modules/.bin/tsc", "-p", "adapters/node/tsconfig.json"]))
    if wanted("clang-tidy"):
        results.append(run_clang_tidy(arguments.all))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
