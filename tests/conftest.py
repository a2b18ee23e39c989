"""What all tests share: the reference material, speed classes, and a list of what was skipped."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
SHARED = REPOSITORY.parent / "shared"
TF_FOLDERS = (Path(__file__).parent / "engine",)
# Modules of the engine that do without TensorFlow, as their tests prove.
TF_FREE = {
    "test_every_field.py",
    "test_fields.py",
    "test_pictures.py",
    "test_read_config.py",
    "test_records.py",
    "test_waiting.py",
}
# Modules whose tests start processes that live on while the test looks at them.
PROCESSES = {
    "test_automl_runs.py",
    "test_engine_runs.py",
    "test_minding.py",
    "test_process.py",
    "test_queue.py",
    "test_slurm.py",
    "test_slurm_job.py",
    "test_supervise.py",
    "test_survival.py",
    "test_torture.py",
    "test_tf_models_policies.py",
    "test_tf_models_runs.py",
}


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference figures beside the checkout; skips where there is none."""
    return _found(SHARED / "reference", "reference material not found")


@pytest.fixture(scope="session")
def images() -> Path:
    """The folder of real images beside the checkout; skips where there is none."""
    return _found(SHARED / "images", "reference material not found")


def _found(folder: Path, otherwise: str) -> Path:
    if not folder.is_dir():
        pytest.skip(otherwise)
    return folder


@pytest.fixture(autouse=True)
def _no_workspace_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep the environment of whoever runs the tests out of them, and the tests out of his."""
    monkeypatch.delenv("ODAPI_WORKSPACE", raising=False)
    monkeypatch.setenv("ODAPI_STATE", str(tmp_path_factory.getbasetemp() / "state"))
    monkeypatch.setenv("COLUMNS", "120")


def _needs_tensorflow(path: Path) -> bool:
    in_folder = any(path.is_relative_to(folder) for folder in TF_FOLDERS)
    return in_folder and path.suffix == ".py" and path.name not in TF_FREE


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without the tests of TensorFlow, do not import it just to leave them out."""
    leaves_out = "not tf" in (config.option.markexpr or "")
    return True if leaves_out and _needs_tensorflow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_tensorflow(item.path):
            item.add_marker(pytest.mark.tf)
        if item.path.name in PROCESSES:
            item.add_marker(pytest.mark.process)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped and why."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"skipped {report.nodeid}: {_reason(report)}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip whose reason is not in tests/skips.toml fails the whole."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    allowed = tomllib.loads((Path(__file__).parent / "skips.toml").read_text("utf-8"))
    reasons = {_reason(report) for report in reporter.stats.get("skipped", [])}
    unknown = sorted(reasons - set(allowed["reasons"]))
    if unknown:
        reporter.write_line(f"skip reasons that tests/skips.toml does not list: {unknown}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
