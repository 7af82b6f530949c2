"""What surrounds the code: the wheel, the pins, the commands of a checkout, the documents."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import gateway

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDS_MAKE = pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _lines(name: str) -> list[str]:
    return _text(name).splitlines()


# ---------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    builder = WheelBuilder(str(ROOT))
    return Path(next(builder.build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    """Scripts, vocabularies and the typing marker travel with the code, and nothing else does."""
    package = ROOT / "gateway"
    files = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    expected = {name for name in files if "__pycache__" not in name}
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected
    assert "gateway/py.typed" in packed
    assert any(name.endswith(".lua") for name in packed)


def test_the_wheel_has_the_command_the_version_and_the_licence(wheel: Path) -> None:
    """What an installer reads from the wheel agrees with the code."""
    assert wheel.name == f"token_budget_gateway-{gateway.__version__}-py3-none-any.whl"
    info = f"token_budget_gateway-{gateway.__version__}.dist-info"
    files = ZipFile(wheel)
    assert "gateway = gateway.cli:main" in files.read(f"{info}/entry_points.txt").decode()
    assert f"{info}/licenses/LICENSE" in files.namelist()


def test_the_command_tells_its_version() -> None:
    """`gateway --version` answers with the version of the package."""
    command = [str(Path(sys.executable).with_name("gateway")), "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert gateway.__version__ in answer.stdout


# ---------------------------------------------------------------- the pins


PINS = dict(line.split("==") for line in _lines("constraints.txt") if not line.startswith("#"))
VERSIONS = {canonicalize_name(name): Version(version) for name, version in PINS.items()}
REQUIREMENTS = [
    *PROJECT["build-system"]["requires"],
    *PROJECT["project"]["dependencies"],
    *(line for group in PROJECT.get("project", {}).get("optional-dependencies", {}).values() for line in group),
    *(line for group in PROJECT["dependency-groups"].values() for line in group),
]


@pytest.mark.parametrize("line", REQUIREMENTS)
def test_a_requirement_is_pinned(line: str) -> None:
    """constraints.txt holds a version for each requirement, inside the range it asks for."""
    requirement = Requirement(line)
    assert VERSIONS[canonicalize_name(requirement.name)] in requirement.specifier


def test_pins_name_versions_and_no_places() -> None:
    """constraints.txt holds `name==version` lines: no index, no path, no editable install."""
    lines = [line for line in _lines("constraints.txt") if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == []


# ---------------------------------------------------------------- the commands


def _make(*arguments: str, top: Path = ROOT, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """Run make in `top` with nothing but a PATH: the make that runs these tests has variables of its own."""
    command = [shutil.which("make") or "make", *arguments]
    return subprocess.run(command, cwd=top, env={"PATH": path}, check=False, capture_output=True, text=True, timeout=60)


@NEEDS_MAKE
def test_make_alone_lists_the_commands() -> None:
    """`make` without a target explains every command and runs none."""
    listed = re.findall(r"^  make (\w+) +\S", _make().stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.+)$", _text("Makefile"), re.MULTILINE)
    assert phony is not None
    assert listed == phony[1].split()


@NEEDS_MAKE
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run"], "gateway serve --config config.example.yaml"),
        (["run", "PORT=9000"], "gateway serve --config config.example.yaml --port 9000"),
        (["test", "ARGS=-k ledger"], "-m pytest -n 2 --dist loadgroup -k ledger"),
    ],
)
def test_a_command_passes_on_what_it_is_given(arguments: list[str], expected: str) -> None:
    """A port, or arguments for pytest, reach the program."""
    last = _make("--dry-run", *arguments).stdout.splitlines()[-1]
    assert last.strip().endswith(expected)


@NEEDS_MAKE
def test_set_up_without_python_says_what_is_missing(tmp_path: Path) -> None:
    """Where no Python starts that is new enough, the error names what was looked for, and nothing is made."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "cat"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    answer = _make("run", top=tmp_path, path=str(tools))
    assert answer.returncode != 0
    assert "No Python 3.11 or newer" in answer.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("name", ["Makefile", ".ci/run", "Dockerfile", "constraints.txt", "pyproject.toml"])
def test_set_up_names_no_host(name: str) -> None:
    """Where packages come from is the machine's configuration, never the project's."""
    text = _text(name)
    assert "://" not in text
    assert "index-url" not in text


def test_ci_is_executable() -> None:
    """`.ci/run` can be started as it is."""
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


# ---------------------------------------------------------------- the image


def _instructions() -> list[tuple[str, str]]:
    """Parse the Dockerfile into (instruction, arguments), continued lines joined."""
    text = re.sub(r"\\\n\s*", "", "\n".join(line for line in _lines("Dockerfile") if not line.startswith("#")))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in text.splitlines() if line]


def test_the_image_is_built_in_two_stages_of_one_base() -> None:
    """The build stage and the final stage use the same slim Python, named to the minor version."""
    bases = [arguments.split()[0] for name, arguments in _instructions() if name == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11[\w.]*-slim[\w-]*", bases[0])


def test_the_image_installs_the_pins() -> None:
    """The image holds the versions of constraints.txt, and no cache of pip."""
    text = _text("Dockerfile")
    assert "pip install --constraint constraints.txt" in text
    assert "PIP_NO_CACHE_DIR=1" in text


def test_the_image_runs_as_nobody_and_tells_its_health() -> None:
    """The final stage: not root, a data volume, every address, SIGTERM, health by the command itself."""
    instructions = _instructions()
    start = max(index for index, (name, _) in enumerate(instructions) if name == "FROM")
    final = dict(instructions[start:])
    assert final["USER"].split(":")[0] not in {"root", "0"}
    assert final["VOLUME"] == "/data"
    assert "ln -s /data /etc/gateway/data" in final["RUN"]
    assert final["STOPSIGNAL"] == "SIGTERM"
    assert final["ENTRYPOINT"] == '["gateway"]'
    assert final["CMD"] == '["serve", "--config", "/etc/gateway/config.yaml", "--host", "0.0.0.0"]'
    assert 'CMD ["gateway", "health"' in final["HEALTHCHECK"]


def test_the_image_is_built_from_the_package_alone() -> None:
    """The build context leaves out everything that is not copied."""
    lines = [line for line in _lines(".dockerignore") if not line.startswith("#")]
    assert lines[0] == "*"
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = " ".join(arguments for name, arguments in _instructions() if name == "COPY" and "--from" not in arguments)
    assert kept == set(copied.replace("./", "").split())


# ---------------------------------------------------------------- the documents


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_a_document_is_short(name: str) -> None:
    """A document that a newcomer reads has under 150 lines, and more than a title."""
    assert 10 < len(_lines(name)) < 150


def test_the_changelog_speaks_of_this_version() -> None:
    """CHANGELOG.md has a section for what is unreleased or for the current version."""
    headings = [line for line in _lines("CHANGELOG.md") if line.startswith("## ")]
    assert any("Unreleased" in heading or gateway.__version__ in heading for heading in headings)


def test_the_licence_is_mit() -> None:
    """LICENSE, pyproject and README name the same licence."""
    assert _lines("LICENSE")[0] == "MIT License"
    assert PROJECT["project"]["license"] == "MIT"


def test_the_map_names_every_room() -> None:
    """docs/architecture.md has a row for each room of the package, and for no other."""
    rows = re.findall(r"^\| `(\w+)` \|", _text("docs/architecture.md"), re.MULTILINE)
    rooms = {
        path.stem for path in (ROOT / "gateway").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(rows) == rooms - {"__init__", "__main__"}


def test_the_map_links_to_what_exists() -> None:
    """Every relative link of the documents leads somewhere."""
    for document in ("README.md", "CONTRIBUTING.md", "docs/architecture.md"):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", _text(document)):
            assert (ROOT / document).parent.joinpath(target).exists(), f"{document}: {target}"
