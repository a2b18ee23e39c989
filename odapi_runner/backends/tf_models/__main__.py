"""`python -m odapi_runner.backends.tf_models ROLE SETTINGS -- FLAG…`: the launcher.

An interpreter without odapi runs it as `python FOLDER …`, with this folder as a package and nothing
more on its path.
"""

import importlib
import sys
from pathlib import Path

if __package__:
    package = __package__
else:
    folder = Path(__file__).resolve().parent
    package = folder.name
    sys.path[0] = str(folder.parent)
main = importlib.import_module(f"{package}.launcher.main").main
if not __package__:
    del sys.path[0]
main(sys.argv[1:])
