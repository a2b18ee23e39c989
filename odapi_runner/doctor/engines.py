"""Which engines there are on this machine, and how each was found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from odapi_runner.backends import ENGINES
from odapi_runner.backends.automl import checkout as automl
from odapi_runner.backends.automl.engine import AUTOML
from odapi_runner.backends.interpreter import interpreter, settle_python
from odapi_runner.backends.tf_models.checkout import VARIABLE, find_checkout, refuse_incomplete
from odapi_runner.backends.tf_models.engine import TF_MODELS
from odapi_runner.backends.tf_models.shims import list_shims
from odapi_runner.doctor.facts import Fact
from odapi_runner.errors import OdapiError
from odapi_runner.runs.options import RunOptions


def look_at_builtin() -> Fact:
    """It is a part of odapi."""
    return Fact("builtin", "ok", "a part of odapi")


def look_at_tf_models(options: RunOptions) -> Iterator[Fact]:
    """The Object Detection API, how it was found, and each shim that it needs here."""
    try:
        settled = settle_python(options)
        found = find_checkout(options.models_dir, settled.python)
    except OdapiError as error:
        named = options.models_dir is not None or VARIABLE in os.environ
        yield Fact(TF_MODELS, "warning" if named else "absent", error.what, error.fix)
        return
    here = f"{found.package} ({found.found_by})"
    try:
        refuse_incomplete(found, settled.python)
        shims = list_shims(options.models_dir, settled.python)
    except OdapiError as error:
        yield Fact(TF_MODELS, "warning", f"{here}: {error.what}", error.fix)
        return
    needed = [shim for shim in shims if shim.needed]
    yield Fact(TF_MODELS, "ok", f"{here}; {len(needed)} of {len(shims)} shims are applied")
    for shim in needed:
        yield Fact(f"{TF_MODELS} shim", "ok", f"{shim.name}: cures {shim.symptom}")


def look_at_automl(options: RunOptions) -> Iterator[Fact]:
    """The checkout, what runs it, and the hyperparameters that it knows."""
    if options.automl_dir is None and automl.ENVIRONMENT not in os.environ:
        fix = f"--automl-dir DIR, or {automl.ENVIRONMENT}=DIR, where google/automl is checked out"
        yield Fact(AUTOML, "absent", "no checkout of google/automl was named", fix)
        return
    try:
        settled = automl.settle(options)
        folder = Path(str(settled.automl_dir))
        known = automl.read_known_hparams(folder)
        found = automl.ask_surroundings(settled)
    except OdapiError as error:
        yield Fact(AUTOML, "warning", error.what, error.fix)
        return
    by = "--automl-dir" if options.automl_dir else f"${automl.ENVIRONMENT}"
    here = f"{folder} ({by}, {len(known)} hyperparameters)"
    runs = f"{interpreter(settled)}: Python {found.python}, TensorFlow {found.tensorflow}"
    if found.fault:
        fix = f"{automl.install_line()}, then --python ENV/bin/python"
        yield Fact(AUTOML, "warning", f"{here}, but {interpreter(settled)}: {found.fault}", fix)
        return
    yield Fact(AUTOML, "ok", f"{here}; {runs}")


def usable_engines(facts: tuple[Fact, ...]) -> list[str]:
    """Those of which nothing was found missing, by the facts that are named after them."""
    well = {fact.name for fact in facts if fact.state == "ok"}
    return [name for name in ENGINES if name in well]
