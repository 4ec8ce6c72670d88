"""The built wheel in an environment of its own, used from a folder outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from .console import Console, Done, environment_with

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 120


def installed_script(folder: Path) -> Path:
    """Build the wheel and install it into a new environment that borrows the dependencies of this one."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(ROOT)]
    subprocess.run(build, check=True, timeout=_PATIENCE, capture_output=True)
    (wheel,) = (folder / "dist").glob("mmsflow-*.whl")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=_PATIENCE, capture_output=True)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.with_name("mmsflow")


def test_the_wheel_alone_makes_a_workspace_and_shows_the_whole_flow(tmp_path: Path) -> None:
    script = installed_script(tmp_path)
    away = tmp_path / "away"
    away.mkdir()

    def run(arguments: list[str], folder: Path, environment: object) -> Done:
        assert isinstance(environment, dict)
        done = subprocess.run(
            [script, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            encoding="utf-8",
        )
        return Done(done.returncode, done.stdout, done.stderr)

    demo = subprocess.Popen(
        [script, "demo"], cwd=away, env=environment_with({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    here = Console(away, {"MMSFLOW_SIMULATOR_DELAY": "200ms"}, run)
    here("init", "fresh").ended_with(0)
    assert "all good" in Console(away / "fresh", {}, run)("check").ended_with(0).err
    where = subprocess.run(
        [script.with_name("python"), "-c", "import mmsflow; print(mmsflow.__file__)"],
        cwd=away,
        env=environment_with({}),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert where.startswith(str(tmp_path / "env"))

    out, err = demo.communicate(timeout=_PATIENCE)
    assert demo.returncode == 0, err
    report = Path(out.splitlines()[-1])
    assert report.is_relative_to(away / "mmsflow-demo" / "reports")
    assert report.suffix == ".html"
    assert "<html" in report.read_text("utf-8")
    assert "delivered" in out
    assert "rows of the lists" in out
    assert {path.name for path in (away / "mmsflow-demo" / "campaigns").glob("*.yaml")} == {
        path.name for path in (ROOT / "campaigns").glob("*.yaml")
    }
