"""Brings `.venv` up to date with the lock: `install.py SET...`, a set being base, deploy, serve or dev.

`./llmform` and `./check` run this when `.venv/installed/SET.txt` is not the same as `requirements/SET.txt`.
It needs nothing but the standard library of Python 3.11, writes to stderr only, and may run twice at once, be
killed, and be run again. Exit status: 0 done, 2 not possible (one line says why), 130 interrupted.
"""

import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
INSTALLED = VENV / "installed"
# There while packages are being written. Left behind, it says that nobody knows what state they are in.
UNFINISHED = INSTALLED / "unfinished"
SETS = ("base", "deploy", "serve", "dev")
# Settings for another place than .venv; all others (index, proxy, certificates, cache) hold.
ELSEWHERE = ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PIP_PYTHON")


class CannotInstall(Exception):
    """The one line that tells the user why."""


def main(sets: list[str]) -> int:
    """Installs the sets that are not current. Returns the exit status."""
    try:
        if not sets or not set(sets) <= set(SETS):
            raise CannotInstall(f"usage: requirements/install.py SET..., a set being one of {', '.join(SETS)}")
        with alone() as lock:
            install([name for name in sets if not is_current(name)], lock)
    except CannotInstall as problem:
        say(str(problem))
        return 2
    except OSError as problem:
        say(f"cannot install: {problem.strerror or problem}: {problem.filename or VENV}")
        return 2
    except KeyboardInterrupt:
        say("interrupted; the next call starts over")
        return 130
    return 0


@contextlib.contextmanager
def alone() -> Iterator[int]:
    """Holds the lock of this clone, and gives its descriptor for pip to inherit.

    The kernel drops the lock when the last process that holds it ends, so a killed install blocks nobody, and
    a pip that outlives its killed parent is waited for.
    """
    descriptor = os.open(ROOT / ".venv.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another call is installing; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def is_current(name: str) -> bool:
    """Whether exactly this lock is what was last installed, by an interpreter that is still there."""
    try:
        stamp = (INSTALLED / f"{name}.txt").read_bytes()
    except FileNotFoundError:
        return False
    usable = os.access(PYTHON, os.X_OK) and not UNFINISHED.exists()
    return usable and stamp == locked(name).read_bytes()


def locked(name: str) -> Path:
    """The file that pins the set."""
    return ROOT / "requirements" / f"{name}.txt"


def install(names: list[str], lock: int) -> None:
    """Makes .venv when there is none that works, and installs the named sets into it."""
    if not names:
        return
    if not venv_works():
        make_venv()
    link_project()
    for name in names:
        stamp = INSTALLED / f"{name}.txt"
        stamp.unlink(missing_ok=True)
        content = locked(name).read_bytes()
        pip_install(name, lock)
        # Written aside and renamed: a stamp is there whole or not at all.
        fresh = stamp.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(stamp)
    say("installed")


def venv_works() -> bool:
    """Whether .venv can take packages as it stands, be it made here or by somebody else."""
    if not VENV.exists():
        return False
    if not (VENV / "pyvenv.cfg").exists() and not INSTALLED.exists() and any(VENV.iterdir()):
        raise CannotInstall(f"{VENV} is not a virtual environment; move it away and call again")
    if UNFINISHED.exists():
        say("the last installation was interrupted; starting over")
        return False
    probe = [PYTHON, "-I", "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:  # the interpreter that it was made from is gone
        return False


def make_venv() -> None:
    """A new, empty .venv of the interpreter that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"making {VENV} with Python {version}, once")
    need_ensurepip()
    if VENV.is_symlink():
        for entry in VENV.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    INSTALLED.mkdir(parents=True)
    UNFINISHED.touch()
    # The file behind the links: where `python3` comes to mean a newer Python, .venv must not follow.
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    made = subprocess.run([python, "-I", "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        words = (made.stdout + made.stderr).split()
        raise CannotInstall(f"Python {version} cannot make a virtual environment: {' '.join(words)[-300:]}")
    UNFINISHED.unlink()


def need_ensurepip() -> None:
    """Debian and Ubuntu keep the part of Python that makes virtual environments in a package of its own."""
    if importlib.util.find_spec("ensurepip"):
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if not shutil.which("apt-get"):
        raise CannotInstall(f"{sys.executable} lacks the module ensurepip; install it or another Python")
    if os.geteuid() != 0:
        raise CannotInstall(f"{sys.executable} lacks the module ensurepip; run: sudo apt-get install {package}")
    say(f"installing {package} with apt-get, which {sys.executable} needs to make virtual environments")
    # The lists of a fresh image are empty; where they are there, a failed update is no reason to stop.
    apt_get("update")
    done = apt_get("install", "-y", "--no-install-recommends", package)
    if done.returncode != 0:
        last = (done.stderr.splitlines() or ["apt-get ended without a word"])[-1]
        raise CannotInstall(f"apt-get could not install {package}: {last}")


def apt_get(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs apt-get, which asks nothing and shows nothing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)


def link_project() -> None:
    """Puts this folder on the path of .venv: an editable installation without a build.

    The path is relative, so a clone that was moved or copied runs its own code.
    """
    question = [PYTHON, "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    answer = subprocess.run(question, capture_output=True, text=True, check=True).stdout
    site = Path(answer.strip()).resolve()
    (site / "llmform.pth").write_text(os.path.relpath(ROOT, site) + "\n")
    INSTALLED.mkdir(exist_ok=True)


def pip_install(name: str, lock: int) -> None:
    """Installs one set, by hash and without resolving anything: the lock is complete."""
    total = len(re.findall(r"^[A-Za-z0-9]", locked(name).read_text(), flags=re.MULTILINE))
    say(f"installing {total} packages of requirements/{name}.txt")
    command = [PYTHON, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--progress-bar", "off", "-r", str(locked(name))]
    if name != "base":
        command.append("--no-compile")  # pulumi-aws alone is 3,000 modules; most are never imported
    environment = {key: value for key, value in os.environ.items() if key not in ELSEWHERE}
    environment["PIP_USER"] = "0"  # a configuration file may say otherwise
    errors: list[str] = []
    seen = 0
    writing = False
    broken = ""
    UNFINISHED.touch()
    with subprocess.Popen(
        command,
        env=environment,
        pass_fds=(lock,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            line = line.strip()
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                progress(f"{seen}/{total} {re.sub('^[^:]*: |^Collecting ', '', line).split()[0]}")
            elif line.startswith("Installing collected packages"):
                writing = True
                progress("unpacking")
            elif line.startswith("WARNING: Retrying"):
                progress("no answer from the package index, trying again")
                broken = line.partition("connection broken by ")[2]
            elif line.startswith("ERROR: "):
                errors.append(line.removeprefix("ERROR: "))
    progress("")
    if pip.returncode == 0 or not writing:
        UNFINISHED.unlink()
    if pip.returncode != 0:
        raise CannotInstall(why(name, errors, broken))


def why(name: str, errors: list[str], broken: str) -> str:
    """One line out of what pip said: its first error, or what broke the connection that it tried last."""
    said = errors[0] if errors else "pip ended without a word"
    if not errors or re.search(r"\(from versions: none\)|Max retries|Connection", said):
        said = f"no network, or no package index that answers ({(broken or said)[:200]})"
    return f"cannot install requirements/{name}.txt: {said}"


def say(line: str) -> None:
    """One line to the user."""
    print(f"llmform: {line}", file=sys.stderr, flush=True)


def progress(line: str) -> None:
    """Where pip is, on one line that is written over; nothing in a log file."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
