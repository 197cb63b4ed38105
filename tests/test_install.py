"""Installing from a clone and from a package, with the real installers and the real package index."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import specs

ROOT = Path(__file__).resolve().parent.parent
SETS = ("base", "deploy", "serve", "dev")

VERSION_LINE = f"llmform {specs.__version__}\n"


def project_files() -> tuple[Path, ...]:
    """Every file that belongs to the project, as git sees it, relative to its root."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    paths = {Path(os.fsdecode(name)) for name in listed.split(b"\0") if name}
    return tuple(sorted(path for path in paths if (ROOT / path).is_file()))


def copy_project(clone: Path) -> Path:
    """A clone as it would be after a commit of everything: no .venv, no caches."""
    for path in project_files():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, clone / path)
    return clone


def environment(home: Path) -> dict[str, str]:
    """An empty environment and a fresh home, but for how this machine finds a Python and a package index."""
    home.mkdir(exist_ok=True)
    reach = {
        name: value
        for name, value in os.environ.items()
        if re.match(r"(PIP|UV|SSL)_|(https?|all|no)_proxy$", name, re.IGNORECASE)
    }
    # The interpreter itself, not the one of .venv: nothing of this environment may be found by accident.
    return {**reach, "HOME": str(home), "PATH": f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"}


def call(program: Path, *arguments: str | Path, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    return subprocess.run(
        [program, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def settings_for_uv(env: dict[str, str]) -> dict[str, str]:
    """How pip reaches the package index here, in the words of uv, which does not read pip's settings."""
    listed = subprocess.run(
        [sys.executable, "-I", "-m", "pip", "config", "list"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    values = {key.rpartition(".")[2]: value.strip("'") for key, value in re.findall("(.*?)=(.*)", listed)}
    names = {"cert": "SSL_CERT_FILE", "index-url": "UV_DEFAULT_INDEX"}
    return {names[key]: value for key, value in values.items() if key in names}


def plan_heads(printed: str) -> list[str]:
    """The lines of a plan that name a stack of quickstart.yaml."""
    return [line for line in printed.splitlines() if re.search(r"\bhello\.\w", line)]


def first_calls_at_once(clone: Path, env: dict[str, str]) -> None:
    """Of two first calls at the same time one installs; both print their answer and nothing else."""
    calls = [
        subprocess.Popen(
            [clone / "llmform", "--version"],
            cwd=clone.parent,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [(*started.communicate(timeout=300), started.returncode) for started in calls]
    messages = "".join(message for _, message, _ in ended)
    assert [status for _, _, status in ended] == [0, 0], messages
    assert {printed for printed, _, _ in ended} == {VERSION_LINE}
    assert messages.count("llmform: installed\n") == 1, messages


def a_later_call_only_plans(clone: Path) -> None:
    """After the first call an empty environment is enough, and nothing is installed again."""
    stamp = clone / ".venv/installed/base.txt"
    before = stamp.stat()
    planned = call(clone / "llmform", "plan", "specs/examples/quickstart.yaml", cwd=clone, env={})
    assert (planned.returncode, planned.stderr) == (0, "")
    assert plan_heads(planned.stdout)
    assert (stamp.stat().st_ino, stamp.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def nothing_of_the_user_shadows_the_tool(clone: Path, place: Path) -> None:
    """Folders and PYTHONPATH of the place where the user stands do not replace the tool's own modules."""
    for folder in ("specs", "stacks", "components", "yaml", "pydantic"):
        (place / folder).mkdir(parents=True)
        (place / folder / "__init__.py").write_text("raise SystemExit('shadowed')\n")
    link = place / "link"
    link.symlink_to(os.path.relpath(clone / "llmform", place))
    env = {"PYTHONPATH": str(place), "PYTHONHOME": str(place), "PYTHONSTARTUP": str(place)}
    for program in (clone / "llmform", link):
        shown = call(program, "--version", cwd=place, env=env)
        assert (shown.returncode, shown.stdout, shown.stderr) == (0, VERSION_LINE, "")


def a_moved_clone_runs_its_own_code(clone: Path, moved: Path) -> None:
    """A clone can be renamed: nothing is installed again, and no path leads to where it was."""
    clone.rename(moved)
    planned = call(moved / "llmform", "plan", moved / "specs/examples/quickstart.yaml", cwd=moved.parent, env={})
    assert (planned.returncode, planned.stderr) == (0, "")
    assert plan_heads(planned.stdout)


def a_changed_lock_is_installed_once(clone: Path, env: dict[str, str]) -> None:
    """When the lock changed, the next call installs it, and the one after that does not."""
    lock = clone / "requirements/base.txt"
    lock.write_text(lock.read_text() + "# changed\n")
    first, second = (call(clone / "llmform", "--version", cwd=clone, env=env) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "llmform: installed\n" in first.stderr
    assert second.stderr == ""


def a_vanished_interpreter_is_replaced(clone: Path, env: dict[str, str]) -> None:
    """When the Python that .venv was made from is gone, .venv is made again."""
    python = clone / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    shown = call(clone / "llmform", "--version", cwd=clone, env=env)
    assert (shown.returncode, shown.stdout) == (0, VERSION_LINE), shown.stderr
    assert "llmform: making " in shown.stderr


@pytest.mark.real
def test_a_clone_installs_itself_when_it_has_to_and_only_then(tmp_path: Path) -> None:
    """The life of one clone, from its first call in an empty environment.

    One test, because each of these facts on a clone of its own would cost an installation.
    """
    clone, moved = copy_project(tmp_path / "llmform"), tmp_path / "moved"
    env = environment(tmp_path / "home")
    first_calls_at_once(clone, env)
    a_later_call_only_plans(clone)
    nothing_of_the_user_shadows_the_tool(clone, tmp_path / "elsewhere")
    a_moved_clone_runs_its_own_code(clone, moved)
    a_changed_lock_is_installed_once(moved, env)
    a_vanished_interpreter_is_replaced(moved, env)


@pytest.mark.real
def test_an_interrupted_installation_starts_over(tmp_path: Path) -> None:
    """Killed while packages are being written, the first call leaves nothing that the second trips over."""
    clone = copy_project(tmp_path / "llmform")
    env = environment(tmp_path / "home")
    first = subprocess.Popen(
        [clone / "llmform", "--version"],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 200
    while not list(clone.glob(".venv/lib/python3*/site-packages/pydantic*")):
        assert first.poll() is None, "the first call ended before it wrote a package"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (clone / ".venv/installed/base.txt").exists()
    second = call(clone / "llmform", "--version", cwd=tmp_path, env=env)
    assert (second.returncode, second.stdout) == (0, VERSION_LINE), second.stderr
    assert "llmform: the last installation was interrupted; starting over\n" in second.stderr


@pytest.mark.real
def test_without_a_network_one_line_says_so(tmp_path: Path) -> None:
    """No answer from the package index is an error of one line that says what could not be installed."""
    clone = copy_project(tmp_path / "llmform")
    # Port 9 (discard, RFC 863) of this machine: nothing listens.
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_FIND_LINKS": ""}
    env = environment(tmp_path / "home") | nowhere
    shown = call(clone / "llmform", "--version", cwd=tmp_path, env=env)
    assert (shown.returncode, shown.stdout) == (2, "")
    last = shown.stderr.splitlines()[-1]
    assert last.startswith("llmform: cannot install requirements/base.txt: no network, or no package index")
    assert "Traceback" not in shown.stderr


@pytest.mark.real
def test_without_a_python_one_line_names_the_command(tmp_path: Path) -> None:
    """Where there is no Python 3.11, the error names the command of the package manager that is there."""
    clone = copy_project(tmp_path / "llmform")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("cmp", "id"):
        (tools / name).symlink_to(shutil.which(name) or name)
    # Only looked for, never run.
    (tools / "dnf").symlink_to("/bin/false")
    shown = call(clone / "llmform", "--version", cwd=tmp_path, env={"PATH": str(tools)})
    assert (shown.returncode, shown.stdout) == (2, "")
    sudo = "" if os.geteuid() == 0 else "sudo "
    assert shown.stderr == (
        f"llmform: no Python 3.11 or newer on PATH; install one with: {sudo}dnf install python3.12\n"
    )


@pytest.mark.real
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_an_installed_package_plans_from_anywhere(installer: str, tmp_path: Path) -> None:
    """`pip install .` and `uv pip install .` put a complete `llmform` on PATH, data files included."""
    clone = copy_project(tmp_path / "source")
    env = environment(tmp_path / "home")
    venv = tmp_path / "venv"
    if installer == "pip":
        subprocess.run([sys.executable, "-I", "-m", "venv", venv], check=True, env=env)
        done = call(venv / "bin/python", "-I", "-m", "pip", "install", "-q", clone, cwd=tmp_path, env=env)
    else:
        uv = Path(sys.executable).with_name("uv")
        call(uv, "venv", "-q", "--python", sys.executable, venv, cwd=tmp_path, env=env)
        env = settings_for_uv(env) | env | {"VIRTUAL_ENV": str(venv)}
        done = call(uv, "pip", "install", "-q", clone, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr

    spec = tmp_path / "spec.yaml"
    shutil.copy2(clone / "specs/examples/quickstart.yaml", spec)
    shutil.rmtree(clone)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    planned = call(venv / "bin/llmform", "plan", spec, cwd=elsewhere, env={"HOME": str(elsewhere)})
    assert (planned.returncode, planned.stderr) == (0, "")
    assert plan_heads(planned.stdout)
    # Not only what this plan happens to read: every data file of the packages came along.
    (site,) = venv.glob("lib/python3*/site-packages")
    packages = ("specs", "components", "stacks", "serving_images", "policies")
    missing = [str(path) for path in project_files() if path.parts[0] in packages and not (site / path).exists()]
    assert missing == []


def pins(name: str) -> dict[str, set[str]]:
    """Package → the versions that a set pins it to (several where the version of Python decides)."""
    found: dict[str, set[str]] = {}
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    for package, version in re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^ ;]+)", text, flags=re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def wanted(requirements: list[str]) -> set[str]:
    """The names of the packages that requirements of pyproject.toml ask for, as the lock writes them."""
    names = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {re.sub(r"[._-]+", "-", name[0]).lower() for name in names if name}


@pytest.mark.parametrize("name", SETS)
def test_a_lock_pins_and_hashes_all_of_its_set(name: str) -> None:
    """Each lock holds what pyproject.toml asks for and the base set, every package with a sha256."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = wanted(project["dependencies"]) | wanted(project["optional-dependencies"].get(name, []))
    assert asked <= pins(name).keys()
    assert pins("base").items() <= pins(name).items()
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / "requirements" / f"{name}.txt").read_text(), flags=re.MULTILINE)
    assert [entry for entry in entries[1:] if "--hash=sha256:" not in entry] == []


def test_all_sets_can_be_installed_together() -> None:
    """No package has one version in one set and another in the next."""
    for name in SETS:
        for other in SETS:
            shared = pins(name).keys() & pins(other).keys()
            assert {package: pins(name)[package] for package in shared} == {
                package: pins(other)[package] for package in shared
            }


def test_no_lock_names_an_address() -> None:
    """Where packages come from is the installer's setting: the locks hold names, versions and hashes."""
    for name in SETS:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        assert "://" not in text
        assert re.findall(r"^ *-(?!-hash=).*", text, flags=re.MULTILINE) == []
        assert re.findall(r"^[^#].* @ .*", text, flags=re.MULTILINE) == []


def test_no_file_names_a_package_index() -> None:
    """No file of the project ties it to the host of a package index."""
    # Written apart, or this file would be the one that does.
    hosts = [
        ".".join(parts)
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("crates", "io"),
            ("rubygems", "org"),
            ("proxy", "golang", "org"),
            ("deb", "debian", "org"),
        )
    ]
    naming = [
        f"{path}: {host}" for path in project_files() for host in hosts if host.encode() in (ROOT / path).read_bytes()
    ]
    assert naming == []
